// Loss and gradient of one optimiser batch, micro-batch by micro-batch, so that memory does not grow with the
// batch.
#pragma once

#include <cstdint>
#include <vector>

#include "learn/batch.h"
#include "learn/objective.h"
#include "learn/optimizer.h"
#include "model/model.h"

namespace pope {

// One micro-batch forward: its share of the batch's loss (scalar, differentiable) and the tokens it came
// from.
struct MicroLoss {
  at::Tensor loss;
  TokenBatch tokens;
};
MicroLoss policy_loss(const ObjectiveConfig& config, const Model& model, const MicroBatch& micro,
                      const BatchTotals& totals, double temperature);

struct BatchResult {
  double loss = 0;
  std::int64_t tokens = 0;  // that were forwarded as targets
  RatioMetrics ratio;
  double gap_mean = 0, gap_max = 0;  // |trainer logprob − behaviour logprob|, nats
};
// Forward and backward of all `sequences`; the gradient is left in the optimiser's sums. `totals` may count
// rollouts that are not among the sequences because their advantage is zero.
BatchResult policy_gradient(const ObjectiveConfig& config, const std::vector<Sequence>& sequences,
                            const BatchTotals& totals, double temperature, std::int64_t micro_batch_tokens,
                            const Model& model, Optimizer& optimizer);

}  // namespace pope
