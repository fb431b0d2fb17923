// See policy_gradient.h.
#include "learn/policy_gradient.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "learn/self_distillation.h"

namespace pope {
namespace {

// How far the sampler's logprobs are from the trainer's. Not of tokens whose behaviour logprobs are the
// trainer's own: sampled under another prompt, or not told by the engine.
void add_gap(const TokenBatch& sampled, BatchResult& result) {
  at::Tensor gap = (sampled.logprobs - sampled.behaviour).abs();
  if (sampled.own_behaviour.defined()) gap = gap.masked_select(sampled.own_behaviour.logical_not());
  if (gap.numel() == 0) return;
  result.gap_tokens += gap.numel();
  result.gap_mean += gap.sum(at::kDouble).item<double>();
  result.gap_max = std::max(result.gap_max, gap.max().item<double>());
}

// Adds the sums over a micro-batch's tokens; policy_gradient() divides.
void add(const ObjectiveConfig& config, const TokenBatch& tokens, BatchResult& result) {
  const c10::NoGradGuard no_grad;
  const auto sum = [](const at::Tensor& x) { return x.sum(at::kDouble).item<double>(); };
  const TokenBatch given = tokens_of(tokens, LossKind::demonstration);
  if (given.logprobs.numel() > 0) {
    result.demonstration_tokens += given.logprobs.numel();
    result.demonstration += sum(given.logprobs.exp());
  }
  const TokenBatch sampled = tokens_of(tokens, LossKind::policy);
  const std::int64_t count = sampled.logprobs.numel();
  if (count == 0) return;
  result.tokens += count;
  add_gap(sampled, result);
  result.ratio.add(ratio_metrics(config, sampled), static_cast<double>(count));
  result.entropy += sum(sampled.entropy);
  if (sampled.reference.defined()) result.kl += sum(reference_kl(sampled));
  if (!sampled.taught.defined()) return;
  result.taught_tokens += sampled.taught.sum().item<std::int64_t>();
  result.teacher_gap += sum(teacher_gap(sampled));
}

}  // namespace

at::Tensor target_rows(const Model& model, const MicroBatch& micro) {
  return model.forward_hidden(micro.tokens, micro.packing).index_select(0, micro.rows);
}

TokenLogprobs token_logprobs_of(const Model& model, const MicroBatch& micro, double temperature) {
  return token_logprobs(target_rows(model, micro), model.output_embedding(), micro.targets, temperature);
}

void for_each_target(const Model& model, const std::vector<Sequence>& sequences, double temperature,
                     std::int64_t micro_batch_tokens, const std::function<void(const Target&)>& use) {
  const c10::NoGradGuard no_grad;
  for (const MicroBatch& made : micro_batches(sequences, micro_batch_tokens)) {
    const TokenLogprobs out = token_logprobs_of(model, made.to(model.device()), temperature);
    const at::Tensor logprobs = out.logprobs.cpu(), entropies = out.entropy.cpu();
    const auto* sequence = made.sequence.const_data_ptr<std::int64_t>();
    std::size_t position = 0;
    for (std::int64_t m = 0; m < logprobs.numel(); ++m) {
      position = m > 0 && sequence[m] == sequence[m - 1] ? position + 1 : 0;
      use({static_cast<std::size_t>(sequence[m]), position, logprobs.const_data_ptr<float>()[m],
           entropies.const_data_ptr<float>()[m]});
    }
  }
}

std::vector<SequenceMean> sequence_means(const Model& model, const std::vector<Sequence>& sequences,
                                         double temperature, std::int64_t micro_batch_tokens) {
  std::vector<SequenceMean> means(sequences.size());
  for_each_target(model, sequences, temperature, micro_batch_tokens, [&](const Target& target) {
    SequenceMean& mean = means[target.sequence];
    const auto length = static_cast<double>(sequences[target.sequence].completion.size());
    mean.logprob += target.logprob / length;
    mean.entropy += target.entropy / length;
  });
  return means;
}

MicroLoss policy_loss(const ObjectiveConfig& config, const Model& model, const MicroBatch& micro,
                      const BatchTotals& totals, double temperature, const Model* reference,
                      const Model* teacher) {
  MicroLoss result;
  if (config.kl_coef != 0 && reference) {
    const c10::NoGradGuard no_grad;
    result.tokens.reference = token_logprobs_of(*reference, micro, temperature).logprobs;
  }
  const at::Tensor rows = target_rows(model, micro);
  const TokenLogprobs out = token_logprobs(rows, model.output_embedding(), micro.targets, temperature);
  result.tokens.logprobs = out.logprobs;
  result.tokens.entropy = out.entropy;
  result.tokens.behaviour = micro.behaviour;
  result.tokens.advantages = micro.advantages;
  result.tokens.sequence = micro.sequence;
  result.tokens.kinds = micro.kinds;
  result.tokens.kind = micro.kind;
  result.tokens.own_behaviour = micro.own_behaviour;
  if (teacher) add_teacher(config, model, rows, *teacher, micro, temperature, result.tokens);
  result.loss = aggregate(config.aggregation, token_losses(config, result.tokens), micro.sequence, totals);
  return result;
}

BatchResult policy_gradient(const ObjectiveConfig& config, const std::vector<Sequence>& sequences,
                            const BatchTotals& totals, double temperature, std::int64_t micro_batch_tokens,
                            const Model& model, Optimizer& optimizer, const Model* reference,
                            const Model* teacher) {
  BatchResult result;
  for (const MicroBatch& made : micro_batches(sequences, micro_batch_tokens)) {
    const MicroBatch micro = made.to(model.device());
    const MicroLoss part = policy_loss(config, model, micro, totals, temperature, reference, teacher);
    part.loss.backward();
    optimizer.accumulate();
    result.loss += part.loss.item<double>();
    add(config, part.tokens, result);
  }
  const double all = std::max<double>(1, static_cast<double>(result.tokens));
  result.ratio.over_tokens(all);
  for (double* mean : {&result.entropy, &result.kl}) *mean /= all;
  result.gap_mean /= std::max<double>(1, static_cast<double>(result.gap_tokens));
  result.teacher_gap /= std::max<double>(1, static_cast<double>(result.taught_tokens));
  result.demonstration /= std::max<double>(1, static_cast<double>(result.demonstration_tokens));
  return result;
}

}  // namespace pope
