// Negative log-likelihood of given tokens: the loss of supervised fine-tuning, on oracle solutions (Sec. 4 of
// arXiv:2601.18779) or on the model's own correct traces (App. C there).
#include "learn/objective.h"

namespace pope {

at::Tensor negative_log_likelihood(const at::Tensor& logprobs, const BatchTotals& totals) {
  return -logprobs.sum() / static_cast<double>(totals.tokens);
}

}  // namespace pope
