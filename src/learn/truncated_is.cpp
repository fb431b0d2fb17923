// REINFORCE with a truncated importance weight (PipelineRL's "reinforce"; TIS). The weight is a constant to
// the gradient, which is −min(ρ, ratio_max)·A for every token: unlike ppo_clip, never zero for a large ρ with
// A > 0, and bounded for a large ρ with A < 0.
#include "learn/policy_loss.h"

namespace pope {
namespace {

// −sg(min(ρ, ratio_max))·A·logprobs  [N]
at::Tensor losses(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  return -ratio.detach().clamp_max(config.ratio_max) * batch.advantages * batch.logprobs;
}

Clipped clipped(const ObjectiveConfig& config, const TokenBatch&, const at::Tensor& ratio) {
  return {at::zeros_like(ratio, at::kBool), ratio.gt(config.ratio_max)};
}

}  // namespace

const PolicyLoss truncated_is{losses, clipped};

}  // namespace pope
