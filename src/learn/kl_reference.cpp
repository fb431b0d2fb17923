// KL(π_θ ‖ π_ref) per sampled token by the k3 estimator, Eq. 4 of arXiv:2402.03300 (GRPO): never negative, 0
// where the two agree, unbiased in value for tokens that π_θ sampled. Its gradient with respect to a logprob
// is 1 − e^d.
#include "core/error.h"
#include "learn/policy_loss.h"

namespace pope {

// Where the two differ by more (22000-fold), d is cut as in PipelineRL: constant, no gradient, no overflow.
static constexpr double kLargest = 10;

// e^d − d − 1, d = reference − logprobs  [N]
at::Tensor reference_kl(const TokenBatch& batch) {
  if (!batch.reference.defined()) {
    throw Error("objective", "expected logprobs of a reference model for kl_coef, got none");
  }
  const at::Tensor d = (batch.reference - batch.logprobs).clamp(-kLargest, kLargest);
  return d.exp() - d - 1;
}

const Regularizer kl_to_reference{&ObjectiveConfig::kl_coef, reference_kl};

}  // namespace pope
