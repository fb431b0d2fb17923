// See policy_gradient.h.
#include "learn/policy_gradient.h"

#include <c10/core/GradMode.h>

#include <algorithm>

namespace pope {
namespace {

TokenLogprobs forward(const Model& model, const MicroBatch& micro, double temperature) {
  const at::Tensor rows =
      model.forward_hidden(micro.tokens, micro.packing).index_select(0, micro.rows);  // [M,W]
  return token_logprobs(rows, model.output_embedding(), micro.targets, temperature);
}

// Adds the sums over a micro-batch's tokens; policy_gradient() divides.
void add(const ObjectiveConfig& config, const TokenBatch& tokens, BatchResult& result) {
  const c10::NoGradGuard no_grad;
  const TokenBatch sampled = sampled_tokens(tokens);
  const std::int64_t count = sampled.logprobs.numel();
  const auto sum = [](const at::Tensor& x) { return x.sum(at::kDouble).item<double>(); };
  if (tokens.demonstration.defined()) {
    result.demonstration_tokens += tokens.logprobs.numel() - count;
    result.demonstration += sum(tokens.logprobs.exp().masked_fill(tokens.demonstration.logical_not(), 0));
  }
  if (count == 0) return;
  const at::Tensor gap = (sampled.logprobs - sampled.behaviour).abs();
  result.tokens += count;
  result.ratio.add(ratio_metrics(config, sampled), static_cast<double>(count));
  result.gap_mean += sum(gap);
  result.gap_max = std::max(result.gap_max, gap.max().item<double>());
  result.entropy += sum(sampled.entropy);
  if (sampled.reference.defined()) result.kl += sum(reference_kl(sampled));
}

}  // namespace

MicroLoss policy_loss(const ObjectiveConfig& config, const Model& model, const MicroBatch& micro,
                      const BatchTotals& totals, double temperature, const Model* reference) {
  MicroLoss result;
  if (config.kl_coef != 0 && reference) {
    const c10::NoGradGuard no_grad;
    result.tokens.reference = forward(*reference, micro, temperature).logprobs;
  }
  const TokenLogprobs out = forward(model, micro, temperature);
  result.tokens.logprobs = out.logprobs;
  result.tokens.entropy = out.entropy;
  result.tokens.behaviour = micro.behaviour;
  result.tokens.advantages = micro.advantages;
  result.tokens.sequence = micro.sequence;
  result.tokens.demonstration = micro.demonstration;
  result.loss = aggregate(config.aggregation, token_losses(config, result.tokens), micro.sequence, totals);
  return result;
}

BatchResult policy_gradient(const ObjectiveConfig& config, const std::vector<Sequence>& sequences,
                            const BatchTotals& totals, double temperature, std::int64_t micro_batch_tokens,
                            const Model& model, Optimizer& optimizer, const Model* reference) {
  BatchResult result;
  for (const MicroBatch& made : micro_batches(sequences, micro_batch_tokens)) {
    const MicroBatch micro = made.to(model.device());
    const MicroLoss part = policy_loss(config, model, micro, totals, temperature, reference);
    part.loss.backward();
    optimizer.accumulate();
    result.loss += part.loss.item<double>();
    add(config, part.tokens, result);
  }
  const double all = std::max<double>(1, static_cast<double>(result.tokens));
  result.ratio.over_tokens(all);
  for (double* mean : {&result.gap_mean, &result.entropy, &result.kl}) *mean /= all;
  result.demonstration /= std::max<double>(1, static_cast<double>(result.demonstration_tokens));
  return result;
}

}  // namespace pope
