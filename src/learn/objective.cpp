// The tables of policy losses and regularisers, and what they share: the ratio, its metrics, aggregation.
#include "learn/objective.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/nearest.h"
#include "learn/token_losses.h"

namespace pope {
namespace {

const std::vector<Regularizer>& regularizers() {
  static const std::vector<Regularizer> table = {entropy_bonus, kl_to_reference, self_distillation};
  return table;
}

const PolicyLoss& find_policy_loss(const std::string& kind) {
  const auto found = policy_losses().find(kind);
  if (found != policy_losses().end()) return found->second;
  throw Error("objective", "expected " + listed(objective_kinds(), "or") + ", got '" + kind + "'",
              "set objective.kind");
}

at::Tensor ratio_of(const TokenBatch& batch) { return at::exp(batch.logprobs - batch.behaviour); }

}  // namespace

std::map<std::string, PolicyLoss>& policy_losses() {
  static std::map<std::string, PolicyLoss> table = {
      {"ppo_clip", ppo_clip},
      {"truncated_is", truncated_is},
      {"luffy", luffy},
  };
  return table;
}

TokenBatch tokens_of(const TokenBatch& batch, LossKind kind) {
  if (!batch.kinds.defined() && batch.kind == kind) return batch;
  const at::Tensor rows = batch.kinds.defined() ? batch.kinds.eq(static_cast<int>(kind)).nonzero().squeeze(-1)
                                                : at::empty({0}, batch.sequence.options());
  const auto of = [&](const at::Tensor& x) { return x.defined() ? x.index_select(0, rows) : x; };
  return {.logprobs = of(batch.logprobs),
          .behaviour = of(batch.behaviour),
          .advantages = of(batch.advantages),
          .sequence = of(batch.sequence),
          .entropy = of(batch.entropy),
          .reference = of(batch.reference),
          .own_behaviour = of(batch.own_behaviour),
          .taught = of(batch.taught),
          .teacher_kl = of(batch.teacher_kl),
          .teacher_logprobs = of(batch.teacher_logprobs),
          .kind = kind};
}

std::vector<std::string> objective_kinds() { return names_of(policy_losses()); }

bool takes_demonstrations(const ObjectiveConfig& config) {
  return find_policy_loss(config.kind).demonstrations;
}

bool has_regularizer(const ObjectiveConfig& config) {
  for (const Regularizer& term : regularizers()) {
    if (config.*term.coef != 0) return true;
  }
  return false;
}

at::Tensor token_losses(const ObjectiveConfig& config, const TokenBatch& batch) {
  const auto losses_of = [&](LossKind kind) {
    if (kind == LossKind::demonstration) return shaped_likelihood(batch);
    if (kind == LossKind::likelihood) return weighted_likelihood(batch);
    at::Tensor losses =
        config.policy_coef * find_policy_loss(config.kind).losses(config, batch, ratio_of(batch));
    for (const Regularizer& term : regularizers()) {
      if (config.*term.coef != 0) losses = losses + config.*term.coef * term.losses(batch);
    }
    return losses;
  };
  if (!batch.kinds.defined()) return losses_of(batch.kind);
  at::Tensor losses;  // of the kinds that there are
  for (const LossKind kind : {LossKind::policy, LossKind::demonstration, LossKind::likelihood}) {
    const at::Tensor of_kind = batch.kinds.eq(static_cast<int>(kind));
    if (!of_kind.any().item<bool>()) continue;
    losses = losses.defined() ? at::where(of_kind, losses_of(kind), losses) : losses_of(kind);
  }
  return losses;
}

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

void RatioMetrics::add(const RatioMetrics& part, double n) {
  mean += part.mean * n;
  mean_square += part.mean_square * n;
  clipped_low += part.clipped_low * n;
  clipped_high += part.clipped_high * n;
  min = std::min(min, part.min);
  max = std::max(max, part.max);
}

void RatioMetrics::over_tokens(double tokens) {
  for (double* sum : {&mean, &mean_square, &clipped_low, &clipped_high}) *sum /= tokens;
}

RatioMetrics ratio_metrics(const ObjectiveConfig& config, const TokenBatch& batch) {
  if (batch.logprobs.numel() == 0) return {};
  const c10::NoGradGuard no_grad;
  const at::Tensor ratio = ratio_of(batch);
  const Clipped clipped = find_policy_loss(config.kind).clipped(config, batch, ratio);
  const auto mean = [](const at::Tensor& x) { return x.to(at::kDouble).mean().item<double>(); };
  return {.mean = mean(ratio),
          .mean_square = mean(ratio.to(at::kDouble).square()),
          .min = ratio.min().item<double>(),
          .max = ratio.max().item<double>(),
          .clipped_low = mean(clipped.low),
          .clipped_high = mean(clipped.high)};
}

}  // namespace pope
