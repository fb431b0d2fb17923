// The table of policy losses, and what they share: the ratio, its metrics, validation.
#include "learn/objective.h"

#include <c10/core/GradMode.h>

#include <map>

#include "core/error.h"
#include "learn/advantage.h"
#include "learn/policy_loss.h"

namespace pope {
namespace {

const std::map<std::string, PolicyLoss>& policy_losses() {
  static const std::map<std::string, PolicyLoss> table = {
      {"ppo_clip", ppo_clip},
      {"truncated_is", truncated_is},
  };
  return table;
}

const PolicyLoss& find_policy_loss(const std::string& kind) {
  const auto found = policy_losses().find(kind);
  if (found != policy_losses().end()) return found->second;
  std::string known;
  for (const auto& [name, loss] : policy_losses()) known += (known.empty() ? "" : ", ") + name;
  throw Error("objective", "expected one of " + known + ", got '" + kind + "'", "set objective.kind");
}

at::Tensor ratio_of(const TokenBatch& batch) { return at::exp(batch.logprobs - batch.behaviour); }

}  // namespace

void validate(const ObjectiveConfig& config) {
  find_policy_loss(config.kind);
  const double two[] = {0, 1};
  advantages(two, config.advantage);
  aggregate(config.aggregation, at::zeros({1}), at::zeros({1}, at::kLong), {1, 1});
  if (!(config.eps_low >= 0 && config.eps_low < 1) || !(config.eps_high >= 0)) {
    throw Error("objective",
                "expected 0 <= eps_low < 1 and eps_high >= 0, got " + std::to_string(config.eps_low) +
                    " and " + std::to_string(config.eps_high),
                "eps are distances from 1: a ratio range of [0.8, 1.28] is eps_low 0.2, eps_high 0.28");
  }
  if (!(config.ratio_max > 0)) {
    throw Error("objective", "expected ratio_max > 0, got " + std::to_string(config.ratio_max));
  }
}

at::Tensor token_losses(const ObjectiveConfig& config, const TokenBatch& batch) {
  return find_policy_loss(config.kind).losses(config, batch, ratio_of(batch));
}

RatioMetrics ratio_metrics(const ObjectiveConfig& config, const TokenBatch& batch) {
  if (batch.logprobs.numel() == 0) return {};
  const c10::NoGradGuard no_grad;
  const at::Tensor ratio = ratio_of(batch);
  const at::Tensor clipped = find_policy_loss(config.kind).clipped(config, batch, ratio);
  return {ratio.mean(at::kDouble).item<double>(), ratio.max().item<double>(),
          clipped.to(at::kDouble).mean().item<double>()};
}

}  // namespace pope
