// The chunked KL divergence by hand, against the plain one, and against finite differences in f64.
#include "model/token_kl.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/rng.h"

namespace pope {
namespace {

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType type = at::kDouble) {
  at::Tensor out = at::empty(shape, at::kDouble);
  RngStream random(seed, {key_of("noise")});
  for (std::int64_t i = 0; i < out.numel(); ++i) out.data_ptr<double>()[i] = random.normal();
  return out.to(type);
}

struct Case {
  HeadInput policy, other;
  at::Tensor weights;
};

Case make_case(std::int64_t rows, std::int64_t width, std::int64_t vocab, at::ScalarType type = at::kDouble) {
  Case c{{noise({rows, width}, 1, type), noise({vocab, width}, 2, type)},
         {noise({rows, width}, 3, type), noise({vocab, width}, 4, type)},
         noise({rows}, 5, type == at::kDouble ? at::kDouble : at::kFloat)};
  c.policy.hidden.set_requires_grad(true);
  c.policy.embedding.set_requires_grad(true);
  return c;
}

at::Tensor plain(const Case& c, double temperature) {
  const auto log_p = [&](const HeadInput& input) {
    return at::log_softmax(at::linear(input.hidden, input.embedding) / temperature, -1);
  };
  const at::Tensor p = log_p(c.policy), q = log_p(c.other).detach();
  return (p.exp() * (p - q)).sum(-1);
}

std::pair<at::Tensor, at::Tensor> gradients(const Case& c, const at::Tensor& kl) {
  c.policy.hidden.mutable_grad() = at::Tensor();
  c.policy.embedding.mutable_grad() = at::Tensor();
  (c.weights * kl).sum().backward();
  return {c.policy.hidden.grad(), c.policy.embedding.grad()};
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).to(at::kDouble).norm() / b.to(at::kDouble).norm()).item<double>();
}

TEST(TokenKl, HandComputed) {
  // Logits / 0.5: (0, 2 ln 3) and (0, 0). p = (0.1, 0.9), q = (0.5, 0.5).
  const at::Tensor one = at::ones({1, 1}, at::kDouble);
  const HeadInput policy{one, at::tensor({0.0, std::log(3.0)}, at::kDouble).view({2, 1})};
  const HeadInput other{one, at::zeros({2, 1}, at::kDouble)};
  EXPECT_NEAR(token_kl(policy, other, 0.5).item<double>(), 0.1 * std::log(0.2) + 0.9 * std::log(1.8), 1e-12);
  EXPECT_EQ(token_kl(policy, policy, 0.5).item<double>(), 0);
}

TEST(TokenKl, EveryChunkSizeEqualsThePlainOne) {
  const Case c = make_case(13, 7, 29);
  for (const double temperature : {1.0, 0.6}) {
    const at::Tensor want = plain(c, temperature);
    const auto [hidden, embedding] = gradients(c, want);
    for (const std::int64_t chunk : {1, 4, 13, 50, 0}) {
      const at::Tensor kl = token_kl(c.policy, c.other, temperature, chunk);
      EXPECT_LT(difference(kl, want), 1e-12) << chunk;
      const auto [got_hidden, got_embedding] = gradients(c, kl);
      EXPECT_LT(difference(got_hidden, hidden), 1e-11) << chunk;
      EXPECT_LT(difference(got_embedding, embedding), 1e-11) << chunk;
    }
  }
}

TEST(TokenKl, FiniteDifferences) {
  const Case c = make_case(5, 3, 11);
  constexpr double kTemperature = 0.8, kStep = 1e-6;
  const auto [hidden, embedding] = gradients(c, token_kl(c.policy, c.other, kTemperature, 2));
  const auto slope = [&](at::Tensor HeadInput::*which, std::int64_t i) {
    double values[2];
    for (const int sign : {0, 1}) {
      HeadInput moved{c.policy.hidden.detach().clone(), c.policy.embedding.detach().clone()};
      (moved.*which).view(-1)[i] += sign == 0 ? kStep : -kStep;
      values[sign] = (c.weights * token_kl(moved, c.other, kTemperature, 2)).sum().item<double>();
    }
    return (values[0] - values[1]) / (2 * kStep);
  };
  // Central differences: truncation about kStep², rounding about 1e-15 / kStep.
  for (std::int64_t i = 0; i < hidden.numel(); ++i)
    EXPECT_NEAR(hidden.view(-1)[i].item<double>(), slope(&HeadInput::hidden, i), 1e-7);
  for (std::int64_t i = 0; i < embedding.numel(); ++i)
    EXPECT_NEAR(embedding.view(-1)[i].item<double>(), slope(&HeadInput::embedding, i), 1e-7);
}

// bf16: logits are exact to f32; the gradient of the logits is rounded to 8 bits.
TEST(TokenKl, Bfloat16EqualsDouble) {
  Case c = make_case(20, 16, 61, at::kBFloat16);
  Case wide = c;
  for (HeadInput* input : {&wide.policy, &wide.other}) {
    input->hidden = input->hidden.detach().to(at::kDouble);
    input->embedding = input->embedding.detach().to(at::kDouble);
  }
  wide.policy.hidden.set_requires_grad(true);
  wide.policy.embedding.set_requires_grad(true);
  wide.weights = c.weights.to(at::kDouble);
  const at::Tensor kl = token_kl(c.policy, c.other, 0.9, 8), want = token_kl(wide.policy, wide.other, 0.9);
  EXPECT_EQ(kl.scalar_type(), at::kFloat);
  EXPECT_LT(difference(kl, want), 1e-5);
  const auto [hidden, embedding] = gradients(c, kl);
  const auto [wide_hidden, wide_embedding] = gradients(wide, want);
  EXPECT_LT(difference(hidden, wide_hidden), 1e-2);
  EXPECT_LT(difference(embedding, wide_embedding), 1e-2);
  EXPECT_EQ(embedding.scalar_type(), at::kBFloat16);
}

// Beside a LoRA adapter the embedding is not trained.
TEST(TokenKl, AFrozenEmbeddingHasNoGradient) {
  Case c = make_case(3, 4, 9);
  c.policy.embedding = c.policy.embedding.detach();
  (c.weights * token_kl(c.policy, c.other, 1)).sum().backward();
  EXPECT_TRUE(c.policy.hidden.grad().defined());
  EXPECT_FALSE(c.policy.embedding.grad().defined());
}

}  // namespace
}  // namespace pope
