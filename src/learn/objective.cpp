// The tables of policy losses and regularisers, and what they share: the ratio, its metrics, aggregation,
// validation.
#include "learn/objective.h"

#include <c10/core/GradMode.h>

#include <map>

#include "core/error.h"
#include "learn/advantage.h"
#include "learn/token_losses.h"

namespace pope {
namespace {

const std::vector<Regularizer>& regularizers() {
  static const std::vector<Regularizer> table = {entropy_bonus, kl_to_reference};
  return table;
}

const PolicyLoss& find_policy_loss(const std::string& kind) {
  const auto found = policy_losses().find(kind);
  if (found != policy_losses().end()) return found->second;
  std::string known;
  for (const auto& [name, loss] : policy_losses()) known += (known.empty() ? "" : ", ") + name;
  throw Error("objective", "expected one of " + known + ", got '" + kind + "'", "set objective.kind");
}

at::Tensor ratio_of(const TokenBatch& batch) { return at::exp(batch.logprobs - batch.behaviour); }

void require(bool holds, const std::string& expected, double got, const std::string& hint = "") {
  if (!holds) throw Error("objective", "expected " + expected + ", got " + std::to_string(got), hint);
}

}  // namespace

std::map<std::string, PolicyLoss>& policy_losses() {
  static std::map<std::string, PolicyLoss> table = {
      {"ppo_clip", ppo_clip},
      {"truncated_is", truncated_is},
      {"luffy", luffy},
  };
  return table;
}

TokenBatch tokens_of(const TokenBatch& batch, TokenLoss loss) {
  if (!batch.losses.defined() && batch.loss == loss) return batch;
  const at::Tensor rows = batch.losses.defined()
                              ? batch.losses.eq(static_cast<int>(loss)).nonzero().squeeze(-1)
                              : at::empty({0}, batch.sequence.options());
  const auto of = [&](const at::Tensor& x) { return x.defined() ? x.index_select(0, rows) : x; };
  return {of(batch.logprobs), of(batch.behaviour), of(batch.advantages), of(batch.sequence),
          of(batch.entropy),  of(batch.reference), at::Tensor(),         loss};
}

void validate(const ObjectiveConfig& config) {
  find_policy_loss(config.kind);
  const double two[] = {0, 1};
  advantages(two, config.advantage, config.advantage_eps);
  aggregate(config.aggregation, at::zeros({1}), at::zeros({1}, at::kLong), {1, 1});
  const std::string eps_hint =
      "eps are distances from 1: a ratio range of [0.8, 1.28] is eps_low 0.2, eps_high 0.28";
  require(config.eps_low >= 0 && config.eps_low <= 1, "0 <= eps_low <= 1", config.eps_low, eps_hint);
  require(config.eps_high >= 0, "eps_high >= 0", config.eps_high, eps_hint);
  require(config.dual_clip == 0 || config.dual_clip > 1, "dual_clip > 1, or 0 for none", config.dual_clip);
  require(config.ratio_max > 0, "ratio_max > 0", config.ratio_max);
  require(config.advantage_eps >= 0, "advantage_eps >= 0", config.advantage_eps);
  require(config.pass_k >= 0, "pass_k >= 0", config.pass_k);
  require(config.entropy_coef >= 0, "entropy_coef >= 0", config.entropy_coef);
  require(config.kl_coef >= 0, "kl_coef >= 0", config.kl_coef);
  if (config.pass_k > 0 && takes_demonstrations(config)) {
    throw Error("objective",
                "expected pass_k or demonstrations, got both: a demonstration is no sample of the policy",
                "set objective.pass_k to 0, or objective.kind to another than " + config.kind);
  }
}

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
  const auto losses_of = [&](TokenLoss loss) {
    if (loss == TokenLoss::demonstration) return shaped_likelihood(batch);
    if (loss == TokenLoss::likelihood) return weighted_likelihood(batch);
    at::Tensor losses = find_policy_loss(config.kind).losses(config, batch, ratio_of(batch));
    for (const Regularizer& term : regularizers()) {
      if (config.*term.coef != 0) losses = losses + config.*term.coef * term.losses(batch);
    }
    return losses;
  };
  if (!batch.losses.defined()) return losses_of(batch.loss);
  at::Tensor losses = losses_of(TokenLoss::policy);
  for (const TokenLoss loss : {TokenLoss::demonstration, TokenLoss::likelihood}) {
    losses = at::where(batch.losses.eq(static_cast<int>(loss)), losses_of(loss), losses);
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
