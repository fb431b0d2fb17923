// The learning half of a training step: graded groups → optimiser steps.
// Without an entropy bonus or KL, groups whose advantages are all zero add exactly zero to loss and gradient,
// so they are not forwarded at all; they still count in the denominators of the loss, which makes the result
// the same as if they had been.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "learn/checkpoint.h"
#include "learn/policy_gradient.h"
#include "learn/trainer_parts.h"

namespace pope {
namespace {

// Disjoint parts of the groups, one per optimiser step. A random order, so that each part holds every set.
std::vector<std::vector<const Group*>> split(const std::vector<Group>& groups, int parts, std::uint64_t seed,
                                             std::int64_t t) {
  std::vector<std::vector<const Group*>> result(parts);
  if (parts == 1) {
    for (const Group& group : groups) result[0].push_back(&group);
    return result;
  }
  RngStream stream(seed, {key_of("updates"), static_cast<std::uint64_t>(t)});
  const std::vector<std::size_t> order = stream.permutation(groups.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    result[i * parts / order.size()].push_back(&groups[order[i]]);
  return result;
}

struct OptimizerBatch {
  std::vector<Sequence> sequences;  // that have a gradient
  BatchTotals totals;               // of all groups
};

OptimizerBatch make_batch(const std::vector<const Group*>& groups, const ObjectiveConfig& objective) {
  OptimizerBatch batch;
  const bool all = has_regularizer(objective);
  for (const Group* group : groups) {
    const bool forward = all || group->has_signal();
    for (std::size_t i = 0; i < group->rollouts.size(); ++i) {
      const Rollout& rollout = group->rollouts[i].rollout;
      if (objective.mask_truncated && rollout.finish == FinishReason::length) continue;
      batch.totals.sequences += 1;
      batch.totals.tokens += static_cast<std::int64_t>(rollout.tokens.size());
      if (forward)
        batch.sequences.push_back({group->prompt, rollout.tokens, rollout.logprobs, group->advantages[i]});
    }
    if (group->demonstration.empty()) continue;
    batch.totals.sequences += 1;
    batch.totals.tokens += static_cast<std::int64_t>(group->demonstration.size());
    if (forward) {
      batch.sequences.push_back({group->prompt, group->demonstration,
                                 std::vector<float>(group->demonstration.size(), 0.0f),
                                 group->demonstration_advantage, /*demonstration=*/true});
    }
  }
  return batch;
}

void add_update(const BatchResult& batch, double grad_norm, LearnResult& result) {
  if (result.updates == 0) {  // later updates of the batch are off-policy: their gap is no sampler mismatch
    result.gap_mean = batch.gap_mean;
    result.gap_max = batch.gap_max;
  }
  ++result.updates;
  result.loss += batch.loss;
  result.grad_norm += grad_norm;
  const double n = static_cast<double>(batch.tokens);
  result.tokens += batch.tokens;
  result.ratio.add(batch.ratio, n);
  result.entropy += batch.entropy * n;
  result.kl += batch.kl * n;
  result.demonstration_tokens += batch.demonstration_tokens;
  result.demonstration += batch.demonstration * static_cast<double>(batch.demonstration_tokens);
}

}  // namespace

LearnResult learn(const TrainJob& job, const std::vector<Group>& groups, std::int64_t t, Optimizer& optimizer,
                  GroupSource& source, StageSeconds& seconds) {
  LearnResult result;
  result.lr = learning_rate(job.optimizer, t, job.config.steps);
  for (const auto& part : split(groups, job.config.updates_per_batch, job.seed, t)) {
    const OptimizerBatch batch = make_batch(part, job.objective);
    if (batch.sequences.empty()) continue;
    const BatchResult gradient = timed(seconds.learn, [&] {
      return policy_gradient(job.objective, batch.sequences, batch.totals, job.sampling.temperature,
                             job.config.micro_batch_tokens, *job.model, optimizer, job.reference.get());
    });
    require_finite("train", "loss", gradient.loss, t);
    double grad_norm = 0;
    source.change_weights(
        [&] { grad_norm = timed(seconds.optimizer, [&] { return optimizer.step(result.lr); }); });
    require_finite("train", "gradient norm", grad_norm, t);
    add_update(gradient, grad_norm, result);
  }
  if (result.updates > 0) {
    result.loss /= result.updates;
    result.grad_norm /= result.updates;
    const double tokens = std::max<double>(1, static_cast<double>(result.tokens));
    result.ratio.over_tokens(tokens);
    for (double* mean : {&result.entropy, &result.kl}) *mean /= tokens;
    result.demonstration /= std::max<double>(1, static_cast<double>(result.demonstration_tokens));
  }
  return result;
}

}  // namespace pope
