// Without an entropy bonus or KL, or with objective.regularize_without_signal=false, groups whose advantages
// are all zero add exactly zero to loss and gradient, so they are not forwarded at all; they still count in
// the denominators of the loss, which makes the result the same as if they had been. A batch of such groups
// alone still takes its optimiser step, with a gradient of zeros: Adam's momentum goes on and its second
// moment decays, so that the next success moves the weights as it does in TRL's and verl's loops.
#include "learn/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "learn/checkpoint.h"
#include "learn/policy_gradient.h"
#include "learn/self_distillation.h"
#include "learn/stopwatch.h"

namespace pope {
namespace {

// Disjoint parts of the groups, one per optimiser step. A random order, another in each epoch, so that each
// part holds every set.
std::vector<std::vector<const Group*>> split(const std::vector<Group>& groups, int parts, std::uint64_t seed,
                                             std::int64_t t, int epoch) {
  std::vector<std::vector<const Group*>> result(parts);
  if (parts == 1) {
    for (const Group& group : groups) result[0].push_back(&group);
    return result;
  }
  const auto step = static_cast<std::uint64_t>(t);
  RngStream stream = epoch == 0
                         ? RngStream(seed, {key_of("updates"), step})
                         : RngStream(seed, {key_of("updates"), step, static_cast<std::uint64_t>(epoch)});
  const std::vector<std::size_t> order = stream.permutation(groups.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    result[i * parts / order.size()].push_back(&groups[order[i]]);
  return result;
}

struct OptimizerBatch {
  std::vector<Sequence> sequences;  // that have a gradient
  BatchTotals totals;               // of all groups
};

// Whether anything of a group has a gradient.
bool is_forwarded(const Group& group, const ObjectiveConfig& objective) {
  return group.has_signal() || (has_regularizer(objective) && objective.regularize_without_signal);
}

OptimizerBatch make_batch(const std::vector<const Group*>& groups, const ObjectiveConfig& objective) {
  OptimizerBatch batch;
  for (const Group* group : groups) {
    const bool forward = is_forwarded(*group, objective);
    for (const Sequence& sequence : group->sequences) {
      batch.totals.sequences += 1;
      batch.totals.tokens += static_cast<std::int64_t>(sequence.completion.size());
      if (forward) batch.sequences.push_back(sequence);
    }
  }
  return batch;
}

void add_update(const BatchResult& batch, double grad_norm, double clip_norm, LearnResult& result) {
  // Later updates are off-policy: their gap is no sampler mismatch. Also after one without tokens, which
  // momentum and weight decay have made.
  if (result.updates == 0 && batch.gap_tokens > 0) result.gap = {batch.gap_mean, batch.gap_max};
  ++result.updates;
  result.loss += batch.loss;
  result.grad_norm += grad_norm;
  result.grad_clipped += clip_norm > 0 && grad_norm > clip_norm;
  const double n = static_cast<double>(batch.tokens);
  result.tokens += batch.tokens;
  result.ratio.add(batch.ratio, n);
  result.entropy += batch.entropy * n;
  result.kl += batch.kl * n;
  result.taught_tokens += batch.taught_tokens;
  result.teacher_gap += batch.teacher_gap * static_cast<double>(batch.taught_tokens);
  result.demonstration_tokens += batch.demonstration_tokens;
  result.demonstration += batch.demonstration * static_cast<double>(batch.demonstration_tokens);
}

// The totals become those of all processes. Whether any of them has a sequence with a gradient: a step is
// taken by all or by none.
bool agree_on_totals(ProcessGroup& processes, OptimizerBatch& batch) {
  double values[] = {static_cast<double>(batch.totals.tokens), static_cast<double>(batch.totals.sequences),
                     static_cast<double>(batch.sequences.size())};
  processes.all_reduce(values);
  batch.totals = {static_cast<std::int64_t>(values[0]), static_cast<std::int64_t>(values[1])};
  return values[2] > 0;
}

// Whether a step's rollouts were sampled with the weights that its first update finds.
bool on_policy(const TrainJob& job) {
  const bool in_turn = job.config.mode == "sync" || job.async.max_lag == 0;
  return in_turn && job.publish_every <= job.config.updates_per_batch * job.config.epochs_per_batch;
}

// The proof that the sampler runs the trainer's weights: both give the same tokens nearly the same logprobs.
void check_mismatch(const TrainConfig& config, const LearnResult& result, std::int64_t t) {
  if (!result.gap || result.gap->mean <= config.max_sampler_mismatch) return;
  throw Error(
      "train",
      fmt::format("expected sampler and trainer to agree within {} nats per token, got {:.3g} in step {}",
                  config.max_sampler_mismatch, result.gap->mean, t + 1),
      "the sampler runs other weights, or computes otherwise (temperature, dtype); see "
      "train.max_sampler_mismatch");
}

}  // namespace

LearnResult learn(const TrainJob& job, std::vector<Group>& groups, std::int64_t t, Optimizer& optimizer,
                  GroupSource& source, StageSeconds& seconds) {
  LearnResult result;
  result.lr = learning_rate(job.optimizer, t, job.config.steps);
  if (job.objective.context_distillation) {
    std::vector<Sequence*> sequences;
    for (Group& group : groups) {
      if (!is_forwarded(group, job.objective)) continue;
      for (Sequence& sequence : group.sequences) sequences.push_back(&sequence);
    }
    result.distillation = timed(seconds.learn, [&] {
      return distil_context(job.objective, std::move(sequences), *job.model, job.sampling.temperature,
                            job.config.micro_batch_tokens);
    });
  }
  const auto update = [&](const std::vector<const Group*>& part) {
    OptimizerBatch batch = make_batch(part, job.objective);
    if (!agree_on_totals(*job.processes, batch) && job.config.skip_without_signal) return;
    const BatchResult gradient = timed(seconds.learn, [&] {
      return policy_gradient(job.objective, batch.sequences, batch.totals, job.sampling.temperature,
                             job.config.micro_batch_tokens, *job.model, optimizer, job.reference.get(),
                             teacher_of(job));
    });
    require_finite("train", "loss", gradient.loss, t);
    double grad_norm = 0;
    source.change_weights(
        [&] { grad_norm = timed(seconds.optimizer, [&] { return optimizer.step(result.lr); }); });
    require_finite("train", "gradient norm", grad_norm, t);
    add_update(gradient, grad_norm, job.optimizer.clip_norm, result);
  };
  for (int epoch = 0; epoch < job.config.epochs_per_batch; ++epoch) {
    for (const auto& part : split(groups, job.config.updates_per_batch, job.seed, t, epoch)) update(part);
  }
  if (on_policy(job)) check_mismatch(job.config, result, t);
  if (result.updates > 0) {
    for (double* mean : {&result.loss, &result.grad_norm, &result.grad_clipped}) *mean /= result.updates;
    const double tokens = std::max<double>(1, static_cast<double>(result.tokens));
    result.ratio.over_tokens(tokens);
    for (double* mean : {&result.entropy, &result.kl}) *mean /= tokens;
    result.teacher_gap /= std::max<double>(1, static_cast<double>(result.taught_tokens));
    result.demonstration /= std::max<double>(1, static_cast<double>(result.demonstration_tokens));
  }
  return result;
}

}  // namespace pope
