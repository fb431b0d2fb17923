// Token losses → the loss of the batch. Denominators are those of the whole optimiser batch, so that the
// losses and gradients of micro-batches add up to the batch's.
#include "core/error.h"
#include "learn/objective.h"

namespace pope {

// losses [N] float, sequence [N] i64 → scalar
at::Tensor aggregate(const std::string& aggregation, const at::Tensor& losses, const at::Tensor& sequence,
                     const BatchTotals& totals) {
  if (totals.tokens < 1 || totals.sequences < 1) {
    throw Error("aggregate", "expected a batch with tokens and sequences, got " +
                                 std::to_string(totals.tokens) + " and " + std::to_string(totals.sequences));
  }
  const double tokens = static_cast<double>(totals.tokens);
  const double sequences = static_cast<double>(totals.sequences);
  if (aggregation == "token_mean") return losses.sum() / tokens;
  if (aggregation == "seq_sum") return losses.sum() / sequences;
  if (aggregation == "seq_mean") {
    // A sequence is never split over micro-batches, so its length is the count of its tokens here.
    const at::Tensor lengths = at::bincount(sequence).index_select(0, sequence).to(losses.scalar_type());
    return (losses / lengths).sum() / sequences;
  }
  throw Error("aggregate", "expected seq_sum, token_mean or seq_mean, got '" + aggregation + "'",
              "set objective.aggregation to one of the three");
}

}  // namespace pope
