// See policy_gradient.h.
#include "learn/policy_gradient.h"

#include <c10/core/GradMode.h>

#include <algorithm>

namespace pope {

MicroLoss policy_loss(const ObjectiveConfig& config, const Model& model, const MicroBatch& micro,
                      const BatchTotals& totals, double temperature) {
  const at::Tensor hidden = model.hidden(micro.tokens);                      // [B,T,W]
  const at::Tensor rows = hidden.flatten(0, 1).index_select(0, micro.rows);  // [N,W]
  const TokenLogprobs out = token_logprobs(rows, model.output_embedding(), micro.targets, temperature);
  MicroLoss result;
  result.tokens = {out.logprobs, micro.behaviour, micro.advantages, micro.sequence};
  result.loss = aggregate(config.aggregation, token_losses(config, result.tokens), micro.sequence, totals);
  return result;
}

BatchResult policy_gradient(const ObjectiveConfig& config, const std::vector<Sequence>& sequences,
                            const BatchTotals& totals, double temperature, std::int64_t micro_batch_tokens,
                            const Model& model, Optimizer& optimizer) {
  BatchResult result;
  for (const MicroBatch& micro : micro_batches(sequences, micro_batch_tokens)) {
    const MicroLoss part = policy_loss(config, model, micro, totals, temperature);
    part.loss.backward();
    optimizer.accumulate();

    const c10::NoGradGuard no_grad;
    const RatioMetrics ratio = ratio_metrics(config, part.tokens);
    const at::Tensor gap = (part.tokens.logprobs - part.tokens.behaviour).abs();
    const double n = static_cast<double>(micro.targets.numel());
    result.loss += part.loss.item<double>();
    result.tokens += micro.targets.numel();
    result.ratio.mean += ratio.mean * n;
    result.ratio.max = std::max(result.ratio.max, ratio.max);
    result.ratio.clipped += ratio.clipped * n;
    result.gap_mean += gap.mean(at::kDouble).item<double>() * n;
    result.gap_max = std::max(result.gap_max, gap.max().item<double>());
  }
  const double all = std::max<double>(1, static_cast<double>(result.tokens));
  result.ratio.mean /= all;
  result.ratio.clipped /= all;
  result.gap_mean /= all;
  return result;
}

}  // namespace pope
