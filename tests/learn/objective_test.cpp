// Policy losses: values and gradients by hand and by finite differences in float64; aggregations by hand.
#include "learn/objective.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "learn/tiny.h"

namespace pope {
namespace {

using test::doubles;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

// Tokens with the given ratios: behaviour −1, logprobs −1 + log ρ.
TokenBatch tokens_with(std::vector<double> ratios, std::vector<double> advantages) {
  const std::int64_t n = ratios.size();
  TokenBatch batch;
  batch.behaviour = at::full({n}, -1.0, at::kDouble);
  batch.logprobs = (at::tensor(ratios, at::kDouble).log() - 1.0).requires_grad_();
  batch.advantages = at::tensor(advantages, at::kDouble);
  batch.sequence = at::zeros({n}, at::kLong);
  return batch;
}

std::vector<double> gradient_of(const ObjectiveConfig& config, const TokenBatch& batch) {
  token_losses(config, batch).sum().backward();
  return doubles(batch.logprobs.grad());
}

ObjectiveConfig ppo() { return {.kind = "ppo_clip", .eps_low = 0.2, .eps_high = 0.3}; }
ObjectiveConfig truncated() { return {.kind = "truncated_is", .ratio_max = 5}; }

TEST(PpoClip, ValuesAndGradients) {
  // ρ:            inside  above,A>0  above,A<0  below,A>0  below,A<0
  const std::vector<double> ratios = {1.1, 1.5, 1.5, 0.5, 0.5}, advantages = {2, 2, -1, 2, -1};
  const TokenBatch batch = tokens_with(ratios, advantages);
  // −min(ρA, clip(ρ)A): 1.1·2; min(3, 1.3·2); min(−1.5, −1.3); min(1, 0.8·2); min(−0.5, −0.8)
  EXPECT_THAT(doubles(token_losses(ppo(), batch)),
              Pointwise(DoubleNear(1e-12), {-2.2, -2.6, 1.5, -1.0, 0.8}));
  // dρ/dlogp = ρ: −ρA where not clipped, else 0
  EXPECT_THAT(gradient_of(ppo(), batch), Pointwise(DoubleNear(1e-12), {-2.2, 0.0, 1.5, -1.0, 0.0}));
  const RatioMetrics metrics = ratio_metrics(ppo(), batch);
  EXPECT_NEAR(metrics.mean, 5.1 / 5, 1e-12);
  EXPECT_NEAR(metrics.max, 1.5, 1e-12);
  EXPECT_NEAR(metrics.clipped, 2.0 / 5, 1e-12);
}

TEST(TruncatedIs, ValuesAndGradients) {
  const std::vector<double> ratios = {1.5, 8.0, 8.0, 0.5}, advantages = {2, 2, -1, -1};
  const TokenBatch batch = tokens_with(ratios, advantages);
  std::vector<double> losses, gradients;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    gradients.push_back(-std::min(ratios[i], 5.0) * advantages[i]);
    losses.push_back(gradients.back() * (std::log(ratios[i]) - 1));
  }
  EXPECT_THAT(doubles(token_losses(truncated(), batch)), Pointwise(DoubleNear(1e-12), losses));
  EXPECT_THAT(gradient_of(truncated(), batch), Pointwise(DoubleNear(1e-12), gradients));
  EXPECT_NEAR(ratio_metrics(truncated(), batch).clipped, 0.5, 1e-12);
}

// "Clip ratio 0 / 5" as the absolute range [0, 5] of ρ: the two losses part for ρ > 5.
TEST(Objectives, DifferBeyondTheRange) {
  const ObjectiveConfig ppo_range{.kind = "ppo_clip", .eps_low = 0.999, .eps_high = 4};
  const std::vector<double> ratios = {8, 8}, advantages = {1, -1};
  EXPECT_THAT(gradient_of(ppo_range, tokens_with(ratios, advantages)),
              Pointwise(DoubleNear(1e-12), {0.0, 8.0}));
  EXPECT_THAT(gradient_of(truncated(), tokens_with(ratios, advantages)),
              Pointwise(DoubleNear(1e-12), {-5.0, 5.0}));
}

TEST(Objectives, OnPolicyGradientIsMinusAdvantage) {
  for (const ObjectiveConfig& config : {ppo(), truncated()}) {
    EXPECT_THAT(gradient_of(config, tokens_with({1, 1, 1}, {0.75, -0.25, 0})),
                Pointwise(DoubleNear(1e-12), {-0.75, 0.25, 0.0}));
  }
}

TEST(PpoClip, FiniteDifferences) {
  const std::vector<double> ratios = {0.6, 0.9, 1.1, 1.6, 0.7}, advantages = {1, -0.5, 0.3, -2, 1.5};
  const std::vector<double> gradient = gradient_of(ppo(), tokens_with(ratios, advantages));
  const double h = 1e-6;  // central differences: error ~ h² = 1e-12, rounding ~ 1e-16 / h = 1e-10
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    std::vector<double> up = ratios, down = ratios;
    up[i] *= std::exp(h);
    down[i] *= std::exp(-h);
    const double difference = doubles(token_losses(ppo(), tokens_with(up, advantages)).sum())[0] -
                              doubles(token_losses(ppo(), tokens_with(down, advantages)).sum())[0];
    EXPECT_NEAR(gradient[i], difference / (2 * h), 1e-8) << i;
  }
}

// The weight of truncated_is is a constant to the gradient: differences are taken with it held.
TEST(TruncatedIs, FiniteDifferences) {
  const std::vector<double> ratios = {0.6, 1.1, 7.0}, advantages = {1, -0.5, 0.3};
  const std::vector<double> gradient = gradient_of(truncated(), tokens_with(ratios, advantages));
  const double h = 1e-6;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    const double weight = std::min(ratios[i], 5.0);
    const auto loss = [&](double logprob) { return -weight * advantages[i] * logprob; };
    const double at = std::log(ratios[i]) - 1;
    EXPECT_NEAR(gradient[i], (loss(at + h) - loss(at - h)) / (2 * h), 1e-8) << i;
  }
}

TEST(Objectives, ValidateRefuses) {
  EXPECT_NO_THROW(validate({}));
  EXPECT_THROW(validate({.kind = "ppo"}), Error);
  EXPECT_THROW(validate({.eps_low = 1.0}), Error);
  EXPECT_THROW(validate({.kind = "truncated_is", .ratio_max = 0}), Error);
  EXPECT_THROW(validate({.aggregation = "mean"}), Error);
  EXPECT_THROW(validate({.advantage = "std"}), Error);
}

// Sequences 0, 1, 2 of 2, 1 and 3 tokens, interleaved.
TEST(Aggregate, ByHand) {
  const at::Tensor losses = at::tensor({1.0, 2.0, 4.0, 8.0, 16.0, 32.0}, at::kDouble);
  const at::Tensor sequence = at::tensor({2, 0, 2, 1, 0, 2}, at::kLong);
  const BatchTotals totals{.tokens = 6, .sequences = 3};
  EXPECT_DOUBLE_EQ(aggregate("seq_sum", losses, sequence, totals).item<double>(), 63.0 / 3);
  EXPECT_DOUBLE_EQ(aggregate("token_mean", losses, sequence, totals).item<double>(), 63.0 / 6);
  EXPECT_DOUBLE_EQ(aggregate("seq_mean", losses, sequence, totals).item<double>(),
                   (18.0 / 2 + 8 + 37.0 / 3) / 3);
  EXPECT_THROW(aggregate("sum", losses, sequence, totals), Error);
}

// The denominators are the totals given, not the size of what is aggregated.
TEST(Aggregate, UsesTotals) {
  const at::Tensor losses = at::tensor({3.0, 5.0}, at::kDouble);
  const at::Tensor sequence = at::tensor({7, 7}, at::kLong);
  const BatchTotals totals{.tokens = 16, .sequences = 4};
  EXPECT_DOUBLE_EQ(aggregate("seq_sum", losses, sequence, totals).item<double>(), 2.0);
  EXPECT_DOUBLE_EQ(aggregate("token_mean", losses, sequence, totals).item<double>(), 0.5);
  EXPECT_DOUBLE_EQ(aggregate("seq_mean", losses, sequence, totals).item<double>(), 1.0);
}

}  // namespace
}  // namespace pope
