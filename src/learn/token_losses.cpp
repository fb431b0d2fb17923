// Token losses, one after the other: policy losses of sampled tokens, terms added to them, losses of tokens
// that were given. All [N] → [N].
#include "learn/token_losses.h"

#include "core/error.h"

namespace pope {
namespace {

// ppo_clip: the clipped surrogate of PPO, Eq. 7 of arXiv:1707.06347, with separate bounds (DAPO,
// arXiv:2503.14476). Its gradient vanishes where A > 0 and ρ > 1 + ε_high, or A < 0 and ρ < 1 − ε_low;
// elsewhere it is −A·ρ, which for A < 0 grows with ρ without bound unless dual_clip is set: then it vanishes
// for ρ > dual_clip, too (dual-clip PPO, arXiv:1912.09729).
// −min(ρA, clip(ρ, 1−ε_low, 1+ε_high)·A); with dual_clip c, where A < 0: −max(that minimum, cA)
at::Tensor ppo_clip_losses(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  const at::Tensor bounded = at::clamp(ratio, 1 - config.eps_low, 1 + config.eps_high);
  const at::Tensor surrogate = at::minimum(ratio * batch.advantages, bounded * batch.advantages);
  if (config.dual_clip == 0) return -surrogate;
  const at::Tensor least = at::maximum(surrogate, config.dual_clip * batch.advantages);
  return -at::where(batch.advantages.lt(0), least, surrogate);
}

Clipped ppo_clip_clipped(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio) {
  const at::Tensor above = ratio.gt(1 + config.eps_high).logical_and(batch.advantages.gt(0));
  const at::Tensor below = ratio.lt(1 - config.eps_low).logical_and(batch.advantages.lt(0));
  if (config.dual_clip == 0) return {below, above};
  const at::Tensor beyond = ratio.gt(config.dual_clip).logical_and(batch.advantages.lt(0));
  return {below, above.logical_or(beyond)};
}

// truncated_is: REINFORCE with a truncated importance weight (PipelineRL's "reinforce"; TIS). The weight is a
// constant to the gradient, which is −min(ρ, ratio_max)·A for every token: unlike ppo_clip, never zero for a
// large ρ with A > 0, and bounded for a large ρ with A < 0.
// −sg(min(ρ, ratio_max))·A·logprobs
at::Tensor truncated_is_losses(const ObjectiveConfig& config, const TokenBatch& batch,
                               const at::Tensor& ratio) {
  return -ratio.detach().clamp_max(config.ratio_max) * batch.advantages * batch.logprobs;
}

Clipped truncated_is_clipped(const ObjectiveConfig& config, const TokenBatch&, const at::Tensor& ratio) {
  return {at::zeros_like(ratio, at::kBool), ratio.gt(config.ratio_max)};
}

// Entropy bonus: −H of the policy's next-token distribution at each sampled token's position, at the sampling
// temperature (the regulariser of A3C, Sec. 4 of arXiv:1602.01783; the paper's first token-level exploration
// baseline, Sec. 3.1 of arXiv:2601.18779). H is exact, a sum over the vocabulary, not an estimate from the
// token.
at::Tensor negative_entropy(const TokenBatch& batch) { return -batch.entropy; }

}  // namespace

const PolicyLoss ppo_clip{ppo_clip_losses, ppo_clip_clipped};
const PolicyLoss truncated_is{truncated_is_losses, truncated_is_clipped};
// LUFFY (arXiv:2504.14945): ppo_clip for what was sampled, and beside the rollouts of each group one
// demonstration (shaped_likelihood()). Both share the group's mean reward as baseline.
const PolicyLoss luffy{ppo_clip_losses, ppo_clip_clipped, /*demonstrations=*/true};

const Regularizer entropy_bonus{&ObjectiveConfig::entropy_coef, negative_entropy};
const Regularizer kl_to_reference{&ObjectiveConfig::kl_coef, reference_kl};

// KL(π_θ ‖ π_ref) per sampled token by the k3 estimator, Eq. 4 of arXiv:2402.03300 (GRPO): never negative, 0
// where the two agree, unbiased in value for tokens that π_θ sampled. Its gradient with respect to a logprob
// is 1 − e^d. Where the two differ by more than e^10, d is cut as in PipelineRL: constant, no gradient.
// e^d − d − 1, d = reference − logprobs
at::Tensor reference_kl(const TokenBatch& batch) {
  constexpr double kLargest = 10;
  if (!batch.reference.defined()) {
    throw Error("objective", "expected logprobs of a reference model for kl_coef, got none");
  }
  const at::Tensor d = (batch.reference - batch.logprobs).clamp(-kLargest, kLargest);
  return d.exp() - d - 1;
}

// What is not known of a demonstration is its behaviour policy. With π_φ = 1 its ratio is π itself, and
// policy shaping f(π) = π/(π + γ) lifts the gradient of unlikely tokens: −A·γπ/(π + γ)², largest at π = γ,
// instead of −A·π (arXiv:2504.14945).
at::Tensor shaped_likelihood(const TokenBatch& batch) {
  constexpr double kGamma = 0.1;
  const at::Tensor probability = batch.logprobs.exp();
  return -batch.advantages * probability / (probability + kGamma);
}

// The loss of supervised fine-tuning, on oracle solutions (Sec. 4 of arXiv:2601.18779) or on the model's own
// correct traces (App. C there), where A = 1.
at::Tensor weighted_likelihood(const TokenBatch& batch) { return -batch.advantages * batch.logprobs; }

}  // namespace pope
