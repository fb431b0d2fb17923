// LUFFY (arXiv:2504.14945): each group has, beside its rollouts, one demonstration, a solution that the
// policy did not sample. Rollouts and demonstration share the group's mean reward as baseline. What is not
// known of the demonstration is its behaviour policy; with π_φ = 1 its ratio is π itself, and policy shaping
// f(π) = π/(π + γ) lifts the gradient of unlikely tokens: −A·γπ/(π + γ)², largest at π = γ, instead of −A·π.
#include "learn/policy_loss.h"

namespace pope {
namespace {

constexpr double kGamma = 0.1;

// Sampled tokens: ppo_clip. Demonstrations: −A·f(π)  [N]
at::Tensor losses(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  const at::Tensor sampled = ppo_clip.losses(config, batch, ratio);
  if (!batch.demonstration.defined()) return sampled;
  const at::Tensor shaped = -batch.advantages * ratio / (ratio + kGamma);
  return at::where(batch.demonstration, shaped, sampled);
}

Clipped clipped(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  return ppo_clip.clipped(config, batch, ratio);
}

}  // namespace

const PolicyLoss luffy{losses, clipped, /*demonstrations=*/true};

}  // namespace pope
