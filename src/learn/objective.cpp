// The tables of policy losses and regularisers, and what they share: the ratio and its metrics.
#include "learn/objective.h"

#include <c10/core/GradMode.h>

#include <map>

#include "core/error.h"
#include "core/nearest.h"
#include "learn/policy_loss.h"

namespace pope {
namespace {

const std::map<std::string, PolicyLoss>& policy_losses() {
  static const std::map<std::string, PolicyLoss> table = {
      {"ppo_clip", ppo_clip},
      {"truncated_is", truncated_is},
      {"luffy", luffy},
  };
  return table;
}

const std::vector<Regularizer>& regularizers() {
  static const std::vector<Regularizer> table = {entropy_bonus, kl_to_reference};
  return table;
}

const PolicyLoss& find_policy_loss(const std::string& kind) {
  const auto found = policy_losses().find(kind);
  if (found != policy_losses().end()) return found->second;
  throw Error("objective", "expected " + listed(objective_kinds(), "or") + ", got '" + kind + "'",
              "set objective.kind");
}

at::Tensor ratio_of(const TokenBatch& batch) { return at::exp(batch.logprobs - batch.behaviour); }

}  // namespace

TokenBatch sampled_tokens(const TokenBatch& batch) {
  if (!batch.demonstration.defined()) return batch;
  const at::Tensor rows = batch.demonstration.logical_not().nonzero().squeeze(-1);
  const auto of = [&](const at::Tensor& x) { return x.defined() ? x.index_select(0, rows) : x; };
  return {of(batch.logprobs), of(batch.behaviour), of(batch.advantages),
          of(batch.sequence), of(batch.entropy),   of(batch.reference)};
}

std::vector<std::string> objective_kinds() {
  std::vector<std::string> names;
  for (const auto& [name, loss] : policy_losses()) names.push_back(name);
  return names;
}

bool takes_demonstrations(const ObjectiveConfig& config) {
  return find_policy_loss(config.kind).demonstrations;
}

bool has_regularizer(const ObjectiveConfig& config) {
  for (const Regularizer& term : regularizers()) {
    if (config.*term.coef != 0) return true;
  }
  return false;
}

at::Tensor token_losses(const ObjectiveConfig& config, const TokenBatch& batch) {
  const PolicyLoss& policy_loss = find_policy_loss(config.kind);
  if (batch.demonstration.defined() && !policy_loss.demonstrations) {
    throw Error("objective", "expected sampled tokens only, got demonstrations with " + config.kind);
  }
  at::Tensor losses = policy_loss.losses(config, batch, ratio_of(batch));
  for (const Regularizer& term : regularizers()) {
    if (config.*term.coef == 0) continue;
    at::Tensor added = config.*term.coef * term.losses(batch);
    if (batch.demonstration.defined()) added = added.masked_fill(batch.demonstration, 0);
    losses = losses + added;
  }
  return losses;
}

void RatioMetrics::add(const RatioMetrics& part, double n) {
  mean += part.mean * n;
  mean_square += part.mean_square * n;
  clipped_low += part.clipped_low * n;
  clipped_high += part.clipped_high * n;
  min = std::min(min, part.min);
  max = std::max(max, part.max);
}

void RatioMetrics::over_tokens(double tokens) {
  for (double* sum : {&mean, &mean_square, &clipped_low, &clipped_high}) *sum /= tokens;
}

RatioMetrics ratio_metrics(const ObjectiveConfig& config, const TokenBatch& batch) {
  if (batch.logprobs.numel() == 0) return {};
  const c10::NoGradGuard no_grad;
  const at::Tensor ratio = ratio_of(batch);
  const Clipped clipped = find_policy_loss(config.kind).clipped(config, batch, ratio);
  const auto mean = [](const at::Tensor& x) { return x.to(at::kDouble).mean().item<double>(); };
  return {.mean = mean(ratio),
          .mean_square = mean(ratio.to(at::kDouble).square()),
          .min = ratio.min().item<double>(),
          .max = ratio.max().item<double>(),
          .clipped_low = mean(clipped.low),
          .clipped_high = mean(clipped.high)};
}

}  // namespace pope
