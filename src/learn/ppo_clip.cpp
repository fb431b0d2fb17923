// The clipped surrogate of PPO, Eq. 7 of arXiv:1707.06347, with separate bounds (DAPO, arXiv:2503.14476).
// Its gradient vanishes where A > 0 and ρ > 1 + ε_high, or A < 0 and ρ < 1 − ε_low; elsewhere it is −A·ρ,
// which for A < 0 grows with ρ without bound unless dual_clip is set: then it vanishes for ρ > dual_clip, too
// (dual-clip PPO, arXiv:1912.09729).
#include "learn/policy_loss.h"

namespace pope {
namespace {

// −min(ρA, clip(ρ, 1−ε_low, 1+ε_high)·A)  [N]; with dual_clip c, where A < 0: −max(that minimum, cA)
at::Tensor losses(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  const at::Tensor bounded = at::clamp(ratio, 1 - config.eps_low, 1 + config.eps_high);
  const at::Tensor surrogate = at::minimum(ratio * batch.advantages, bounded * batch.advantages);
  if (config.dual_clip == 0) return -surrogate;
  const at::Tensor least = at::maximum(surrogate, config.dual_clip * batch.advantages);
  return -at::where(batch.advantages.lt(0), least, surrogate);
}

Clipped clipped(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  const at::Tensor above = ratio.gt(1 + config.eps_high).logical_and(batch.advantages.gt(0));
  const at::Tensor below = ratio.lt(1 - config.eps_low).logical_and(batch.advantages.lt(0));
  if (config.dual_clip == 0) return {below, above};
  const at::Tensor beyond = ratio.gt(config.dual_clip).logical_and(batch.advantages.lt(0));
  return {below, above.logical_or(beyond)};
}

}  // namespace

const PolicyLoss ppo_clip{losses, clipped};

}  // namespace pope
