// Entropy bonus: −H of the policy's next-token distribution at each sampled token's position, at the sampling
// temperature (the regulariser of A3C, Sec. 4 of arXiv:1602.01783; the paper's first token-level exploration
// baseline, Sec. 3.1 of arXiv:2601.18779). H is exact, a sum over the vocabulary, not an estimate from the
// token.
#include "learn/policy_loss.h"

namespace pope {
namespace {

at::Tensor losses(const TokenBatch& batch) { return -batch.entropy; }

}  // namespace

const Regularizer entropy_bonus{&ObjectiveConfig::entropy_coef, losses};

}  // namespace pope
