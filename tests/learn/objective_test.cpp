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
  EXPECT_NEAR(metrics.min, 0.5, 1e-12);
  EXPECT_EQ(metrics.clipped_low, 1.0 / 5);
  EXPECT_EQ(metrics.clipped_high, 1.0 / 5);
  EXPECT_EQ(metrics.clipped(), 2.0 / 5);
  // (Σρ)² = 5.1², N·Σρ² = 5·(1.21 + 2·2.25 + 2·0.25)
  EXPECT_NEAR(metrics.effective_samples(), 26.01 / 31.05, 1e-12);
  EXPECT_EQ(RatioMetrics{}.effective_samples(), 0);
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
  EXPECT_EQ(ratio_metrics(truncated(), batch).clipped_low, 0);
  EXPECT_EQ(ratio_metrics(truncated(), batch).clipped_high, 0.5);
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

// The weight of truncated_is is a constant to the gradient. Moving the behaviour's logprob along holds it.
TEST(TruncatedIs, FiniteDifferences) {
  const std::vector<double> ratios = {0.6, 1.1, 7.0}, advantages = {1, -0.5, 0.3};
  const std::vector<double> gradient = gradient_of(truncated(), tokens_with(ratios, advantages));
  const double h = 1e-6;
  const auto loss_at = [&](std::size_t i, double moved) {
    TokenBatch batch = tokens_with(ratios, advantages);
    const at::Tensor shift = at::zeros_like(batch.behaviour);
    shift[static_cast<std::int64_t>(i)] = moved;
    batch.logprobs = batch.logprobs.detach() + shift;
    batch.behaviour = batch.behaviour + shift;
    return doubles(token_losses(truncated(), batch).sum())[0];
  };
  for (std::size_t i = 0; i < ratios.size(); ++i)
    EXPECT_NEAR(gradient[i], (loss_at(i, h) - loss_at(i, -h)) / (2 * h), 1e-8) << i;
}

// dual_clip: where A < 0, beyond ρ = 3 the loss stays at 3|A| and the gradient is zero; A > 0 knows no such
// bound.
TEST(PpoClip, DualClip) {
  ObjectiveConfig config = ppo();
  config.dual_clip = 3;
  const std::vector<double> ratios = {2.5, 4, 0.5, 1.1}, advantages = {-2, -2, -2, 2};
  const TokenBatch batch = tokens_with(ratios, advantages);
  EXPECT_THAT(doubles(token_losses(config, batch)), Pointwise(DoubleNear(1e-12), {5.0, 6.0, 1.6, -2.2}));
  EXPECT_THAT(gradient_of(config, batch), Pointwise(DoubleNear(1e-12), {5.0, 0.0, 0.0, -2.2}));
  for (const double bound : {0.0, 3.0}) {  // beyond it is beyond the upper bound
    config.dual_clip = bound;
    EXPECT_EQ(ratio_metrics(config, batch).clipped_low, 0.25);
    EXPECT_EQ(ratio_metrics(config, batch).clipped_high, bound == 0 ? 0 : 0.25);
  }
}

// Tokens of advantage 0, so that only the added terms remain; `sequence` and ρ do not matter to them.
TokenBatch tokens_near(std::vector<double> logprobs, std::vector<double> reference) {
  TokenBatch batch;
  const std::int64_t n = logprobs.size();
  batch.logprobs = at::tensor(logprobs, at::kDouble).requires_grad_();
  batch.reference = at::tensor(reference, at::kDouble);
  batch.behaviour = at::full({n}, -1.0, at::kDouble);
  batch.advantages = at::zeros({n}, at::kDouble);
  batch.sequence = at::zeros({n}, at::kLong);
  return batch;
}

TEST(KlToReference, ByHand) {
  const ObjectiveConfig config{.kl_coef = 0.5};
  // d = reference − logprobs = 0, log 2, −log 4, and 12, beyond the cut at 10
  const TokenBatch batch = tokens_near({-1, -2, -1, -13}, {-1, -2 + std::log(2), -1 - std::log(4), -1});
  EXPECT_THAT(doubles(reference_kl(batch)),
              Pointwise(DoubleNear(1e-9), {0.0, 1 - std::log(2), -0.75 + std::log(4), std::exp(10.0) - 11}));
  // times the coefficient, 1 − e^d
  EXPECT_THAT(gradient_of(config, batch), Pointwise(DoubleNear(1e-12), {0.0, -0.5, 0.375, 0.0}));
  EXPECT_THROW(token_losses(config, tokens_with({1}, {1})), Error);  // no reference
}

// E[k3] over the policy's own tokens is Σ p log(p / q), the KL divergence itself.
TEST(KlToReference, IsTheDivergenceInExpectation) {
  const std::vector<double> p = {0.5, 0.2, 0.3}, q = {0.25, 0.6, 0.15};
  std::vector<double> log_p, log_q;
  double divergence = 0, expected = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    log_p.push_back(std::log(p[i]));
    log_q.push_back(std::log(q[i]));
    divergence += p[i] * (log_p[i] - log_q[i]);
  }
  const std::vector<double> k3 = doubles(reference_kl(tokens_near(log_p, log_q)));
  for (std::size_t i = 0; i < p.size(); ++i) {
    EXPECT_GE(k3[i], 0);
    expected += p[i] * k3[i];
  }
  EXPECT_NEAR(expected, divergence, 1e-12);
}

TEST(KlToReference, FiniteDifferences) {
  const std::vector<double> at = {-0.3, -2.5, -1.1}, reference = {-1.0, -0.7, -1.2};
  const ObjectiveConfig config{.kl_coef = 0.7};
  const std::vector<double> gradient = gradient_of(config, tokens_near(at, reference));
  for (std::size_t i = 0; i < at.size(); ++i) {
    const auto loss = [&](double shift) {
      std::vector<double> moved = at;
      moved[i] += shift;
      return doubles(token_losses(config, tokens_near(moved, reference)).sum())[0];
    };
    EXPECT_NEAR(gradient[i], (loss(1e-6) - loss(-1e-6)) / 2e-6, 1e-8) << i;
  }
}

// The bonus is −coef·H, and its gradient that of the entropy: through a softmax, by finite differences.
TEST(EntropyBonus, FiniteDifferences) {
  const ObjectiveConfig config{.entropy_coef = 0.3};
  const at::Tensor logits = at::sin(at::arange(2 * 5, at::kDouble) * 1.7).view({2, 5}).requires_grad_();
  const auto loss_of = [&](const at::Tensor& z) {
    const at::Tensor log_p = at::log_softmax(z, -1);
    TokenBatch batch = tokens_with({1, 1}, {0, 0});
    batch.logprobs = log_p.select(-1, 2);
    batch.entropy = -(log_p.exp() * log_p).sum(-1);
    return token_losses(config, batch).sum();
  };
  EXPECT_NEAR(loss_of(at::zeros({2, 5}, at::kDouble)).item<double>(), -0.3 * 2 * std::log(5), 1e-12);
  loss_of(logits).backward();
  for (const std::int64_t i : {0, 3, 6, 9}) {
    const auto moved = [&](double shift) {
      at::Tensor z = logits.detach().clone();
      z.view(-1)[i] += shift;
      return loss_of(z).item<double>();
    };
    EXPECT_NEAR(logits.grad().view(-1)[i].item<double>(), (moved(1e-6) - moved(-1e-6)) / 2e-6, 1e-8) << i;
  }
}

// Two sampled tokens and two of a demonstration with π = 0.1 and 0.9 (behaviour 0, so that ρ = π).
TokenBatch mixed_tokens(double shift = 0) {
  TokenBatch batch =
      tokens_near({std::log(1.1) - 1, std::log(0.1) + shift, std::log(0.9), -1}, {-1, -1, -1, -1});
  batch.behaviour = at::tensor({-1.0, 0.0, 0.0, -1.0}, at::kDouble);
  batch.advantages = at::tensor({-0.25, 0.75, 0.75, 0.5}, at::kDouble);
  batch.kinds = at::tensor({0, 1, 1, 0}, at::kByte);
  batch.entropy = at::full({4}, 2.0, at::kDouble);
  return batch;
}

TEST(Luffy, ValuesAndGradients) {
  const ObjectiveConfig config{.kind = "luffy"};
  // −A·π/(π + 0.1): π = 0.1 gives 1/2, π = 0.9 gives 0.9
  EXPECT_THAT(doubles(token_losses(config, mixed_tokens())),
              Pointwise(DoubleNear(1e-12), {0.275, -0.375, -0.675, -0.5}));
  // −A·0.1π/(π + 0.1)²: 1/4 at π = 0.1, 0.09 at π = 0.9: the unlikely token weighs more
  EXPECT_THAT(gradient_of(config, mixed_tokens()),
              Pointwise(DoubleNear(1e-12), {0.275, -0.1875, -0.0675, -0.5}));
}

TEST(Luffy, FiniteDifferences) {
  const ObjectiveConfig config{.kind = "luffy"};
  const auto loss = [&](double shift) {
    return token_losses(config, mixed_tokens(shift)).sum().item<double>();
  };
  EXPECT_NEAR(gradient_of(config, mixed_tokens())[1], (loss(1e-6) - loss(-1e-6)) / 2e-6, 1e-8);
}

TEST(Luffy, WithoutDemonstrationsIsPpoClip) {
  const std::vector<double> ratios = {0.6, 1.1, 1.6}, advantages = {1, -0.5, 2};
  EXPECT_EQ(gradient_of({.kind = "luffy"}, tokens_with(ratios, advantages)),
            gradient_of({.kind = "ppo_clip"}, tokens_with(ratios, advantages)));
}

// Where nothing was sampled no policy loss is evaluated, and so no reference is asked for.
TEST(Objectives, GivenTokensOfTwoKindsAlone) {
  TokenBatch batch = mixed_tokens();
  batch.kinds = at::tensor({2, 1, 1, 2}, at::kByte);
  batch.reference = at::Tensor();
  const ObjectiveConfig config{.kind = "luffy", .kl_coef = 1};
  // −A·log π beside −A·π/(π + 0.1)
  EXPECT_THAT(doubles(token_losses(config, batch)),
              Pointwise(DoubleNear(1e-12), {0.25 * (std::log(1.1) - 1), -0.375, -0.675, 0.5}));
  batch.kinds = at::tensor({0, 1, 1, 0}, at::kByte);
  EXPECT_THROW(token_losses(config, batch), Error);
}

// No regulariser or metric of sampled tokens counts demonstrations.
TEST(Objectives, DemonstrationsApart) {
  const ObjectiveConfig config{.kind = "luffy", .entropy_coef = 0.5, .kl_coef = 1};
  const std::vector<double> losses = doubles(token_losses(config, mixed_tokens()));
  const double k3 = 1 / 1.1 + std::log(1.1) - 1;  // of the first token: d = −log 1.1
  EXPECT_THAT(losses, Pointwise(DoubleNear(1e-12), {0.275 - 1 + k3, -0.375, -0.675, -0.5 - 1}));
  const TokenBatch sampled = tokens_of(mixed_tokens(), LossKind::policy);
  EXPECT_THAT(doubles(sampled.advantages), ElementsAre(-0.25, 0.5));
  EXPECT_THAT(doubles(sampled.reference), ElementsAre(-1, -1));
  EXPECT_FALSE(sampled.kinds.defined());
  EXPECT_EQ(tokens_of(sampled, LossKind::demonstration).logprobs.numel(), 0);
}

// The loss of supervised fine-tuning.
at::Tensor negative_log_likelihood(const at::Tensor& logprobs, const BatchTotals& totals) {
  TokenBatch batch;
  batch.kind = LossKind::likelihood;
  batch.logprobs = logprobs;
  batch.advantages = at::ones_like(logprobs);
  batch.sequence = at::zeros(logprobs.sizes(), at::kLong);
  return aggregate("token_mean", token_losses({}, batch), batch.sequence, totals);
}

// Two tokens of probability 1/2 and 1/8, as a part of a batch of four: (ln 2 + ln 8)/4 = ln 2.
TEST(Likelihood, ByHand) {
  const at::Tensor logprobs = at::tensor({0.5, 0.125}, at::kDouble).log().requires_grad_();
  const at::Tensor loss = negative_log_likelihood(logprobs, {.tokens = 4, .sequences = 1});
  EXPECT_NEAR(loss.item<double>(), std::log(2), 1e-12);
  loss.backward();
  EXPECT_THAT(doubles(logprobs.grad()), ElementsAre(-0.25, -0.25));
}

// Through a softmax, against the plain reference: torch's cross entropy, and finite differences.
TEST(Likelihood, FiniteDifferences) {
  const at::Tensor logits = at::sin(at::arange(3 * 5, at::kDouble) * 1.3).view({3, 5}).requires_grad_();
  const at::Tensor targets = at::tensor({4, 0, 2}, at::kLong);
  const auto loss_of = [&](const at::Tensor& z) {
    const at::Tensor logprobs = at::log_softmax(z, -1).gather(1, targets.unsqueeze(1)).squeeze(1);
    return negative_log_likelihood(logprobs, {.tokens = 3, .sequences = 2});
  };
  EXPECT_NEAR(loss_of(logits).item<double>(), at::cross_entropy_loss(logits, targets).item<double>(), 1e-12);
  loss_of(logits).backward();
  for (const std::int64_t i : {0, 4, 7, 12}) {
    const auto moved = [&](double shift) {
      at::Tensor z = logits.detach().clone();
      z.view(-1)[i] += shift;
      return loss_of(z).item<double>();
    };
    EXPECT_NEAR(logits.grad().view(-1)[i].item<double>(), (moved(1e-6) - moved(-1e-6)) / 2e-6, 1e-8) << i;
  }
}

TEST(Objectives, RefuseImpossibleSettings) {
  EXPECT_NO_THROW(check(ObjectiveConfig{}));
  EXPECT_THROW(check(ObjectiveConfig{.kind = "ppo"}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.eps_low = 1.1}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.dual_clip = 1}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.pass_k = -1}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.entropy_coef = -0.1}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.kl_coef = -0.1}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.kind = "luffy", .pass_k = 2}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.kind = "truncated_is", .ratio_max = 0}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.aggregation = "mean"}), Error);
  EXPECT_THROW(check(ObjectiveConfig{.advantage = "std"}), Error);
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
