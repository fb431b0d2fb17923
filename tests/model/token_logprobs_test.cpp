// The chunked log-probabilities against the plain ones, and both against finite differences in f64.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/models.h"
#include "model/per_processor.h"

namespace pope {
namespace {

// Deterministic values of order `scale`.
at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed, double scale = 1) {
  auto out = at::empty(shape, at::kDouble);
  RngStream rng(seed, {key_of("noise")});
  for (std::int64_t i = 0; i < out.numel(); ++i) out.data_ptr<double>()[i] = scale * rng.normal();
  return out;
}

struct Case {
  at::Tensor hidden, embedding, targets, weights, entropy_weights;
};

Case make_case(std::int64_t rows, std::int64_t width, std::int64_t vocab, at::ScalarType dtype) {
  Case c;
  c.hidden = noise({rows, width}, 1).to(dtype).set_requires_grad(true);
  c.embedding = noise({vocab, width}, 2, 0.7).to(dtype).set_requires_grad(true);
  c.targets = random_tokens(1, rows, static_cast<int>(vocab), 3)[0];
  const auto wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
  c.weights = noise({rows}, 4).to(wide);
  c.entropy_weights = noise({rows}, 5).to(wide);
  return c;
}

// The gradients of Σ weights · logprobs + Σ entropy_weights · entropy.
std::pair<at::Tensor, at::Tensor> gradients(const Case& c, const TokenLogprobs& out, bool logprobs,
                                            bool entropy) {
  c.hidden.mutable_grad() = at::Tensor();
  c.embedding.mutable_grad() = at::Tensor();
  at::Tensor loss = at::zeros({}, c.weights.options());
  if (logprobs) loss = loss + (c.weights * out.logprobs).sum();
  if (entropy) loss = loss + (c.entropy_weights * out.entropy).sum();
  loss.backward();
  return {c.hidden.grad(), c.embedding.grad()};
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).to(at::kDouble).norm() / b.to(at::kDouble).norm()).item<double>();
}
class TokenLogprobsTest : public EachProcessor {};
POPE_EACH_PROCESSOR(TokenLogprobsTest);

TEST_P(TokenLogprobsTest, HandComputed) {
  // logits (0, ln 3) / 0.5 = (0, 2 ln 3): probabilities 1/10 and 9/10.
  const auto hidden = at::tensor({1.0F}).view({1, 1});
  const auto embedding = at::tensor({0.0F, static_cast<float>(std::log(3.0))}).view({2, 1});
  const auto out = token_logprobs(hidden, embedding, at::tensor({1}, at::kLong), 0.5);
  EXPECT_NEAR(out.logprobs.item<float>(), std::log(0.9), 1e-6);
  EXPECT_NEAR(out.entropy.item<float>(), -0.9 * std::log(0.9) - 0.1 * std::log(0.1), 1e-6);
}

// Chunks of 1, of a divisor of the rows, with a rest, larger than everything, and the automatic size.
TEST_P(TokenLogprobsTest, EveryChunkSizeEqualsTheReference) {
  const auto c = make_case(13, 7, 29, at::kDouble);
  for (const double temperature : {1.0, 0.6}) {
    for (const std::int64_t chunk : {1, 4, 13, 50, 0}) {
      for (const auto& [logprobs, entropy] : {std::pair{true, false}, {false, true}, {true, true}}) {
        const auto out = token_logprobs(c.hidden, c.embedding, c.targets, temperature, chunk);
        const auto reference = token_logprobs_reference(c.hidden, c.embedding, c.targets, temperature);
        EXPECT_LT(relative_difference(out.logprobs, reference.logprobs), 1e-12);
        EXPECT_LT(relative_difference(out.entropy, reference.entropy), 1e-12);
        const auto [h, e] = gradients(c, out, logprobs, entropy);
        const auto [h_ref, e_ref] = gradients(c, reference, logprobs, entropy);
        EXPECT_LT(relative_difference(h, h_ref), 1e-11) << chunk << logprobs << entropy;
        EXPECT_LT(relative_difference(e, e_ref), 1e-11) << chunk << logprobs << entropy;
      }
    }
  }
}

TEST_P(TokenLogprobsTest, FiniteDifferences) {
  const auto c = make_case(5, 3, 11, at::kDouble);
  const double temperature = 0.8, eps = 1e-6;
  const auto [h, e] =
      gradients(c, token_logprobs(c.hidden, c.embedding, c.targets, temperature, 2), true, true);
  const auto loss = [&](const at::Tensor& hidden, const at::Tensor& embedding) {
    const auto out = token_logprobs(hidden, embedding, c.targets, temperature, 2);
    return ((c.weights * out.logprobs).sum() + (c.entropy_weights * out.entropy).sum()).item<double>();
  };
  const auto check = [&](const at::Tensor& at, const at::Tensor& gradient, bool first) {
    for (std::int64_t i = 0; i < at.numel(); ++i) {
      auto up = at.detach().clone(), down = at.detach().clone();
      up.view(-1)[i] += eps;
      down.view(-1)[i] -= eps;
      const double slope =
          first ? loss(up, c.embedding) - loss(down, c.embedding) : loss(c.hidden, up) - loss(c.hidden, down);
      // Central differences: truncation about eps², rounding about 1e-15 / eps.
      EXPECT_NEAR(gradient.view(-1)[i].item<double>(), slope / (2 * eps), 1e-7);
    }
  };
  check(c.hidden, h, true);
  check(c.embedding, e, false);
}

// Float is compared with the same values in f64: errors are those of f32 sums.
TEST_P(TokenLogprobsTest, FloatEqualsDouble) {
  const auto c = make_case(70, 33, 515, at::kFloat);
  auto wide = c;
  wide.hidden = c.hidden.detach().to(at::kDouble).set_requires_grad(true);
  wide.embedding = c.embedding.detach().to(at::kDouble).set_requires_grad(true);
  wide.weights = c.weights.to(at::kDouble);
  wide.entropy_weights = c.entropy_weights.to(at::kDouble);
  const auto out = token_logprobs(c.hidden, c.embedding, c.targets, 0.9, 32);
  const auto reference = token_logprobs_reference(wide.hidden, wide.embedding, c.targets, 0.9);
  EXPECT_LT(relative_difference(out.logprobs, reference.logprobs), 1e-6);
  EXPECT_LT(relative_difference(out.entropy, reference.entropy), 1e-5);
  const auto [h, e] = gradients(c, out, true, true);
  const auto [h_ref, e_ref] = gradients(wide, reference, true, true);
  EXPECT_LT(relative_difference(h, h_ref), 1e-5);
  EXPECT_LT(relative_difference(e, e_ref), 1e-5);
}

// bf16 inputs: logits are exact to f32; the gradient of the logits is rounded to 8 bits (2^-9 relative each,
// independent), as are the results.
TEST_P(TokenLogprobsTest, Bfloat16EqualsDouble) {
  const auto c = make_case(70, 33, 515, at::kBFloat16);
  auto wide = c;
  wide.hidden = c.hidden.detach().to(at::kDouble).set_requires_grad(true);
  wide.embedding = c.embedding.detach().to(at::kDouble).set_requires_grad(true);
  wide.weights = c.weights.to(at::kDouble);
  wide.entropy_weights = c.entropy_weights.to(at::kDouble);
  const auto out = token_logprobs(c.hidden, c.embedding, c.targets, 0.9, 32);
  const auto reference = token_logprobs_reference(wide.hidden, wide.embedding, c.targets, 0.9);
  EXPECT_EQ(out.logprobs.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(out.logprobs, reference.logprobs), 3e-3);
  EXPECT_LT(relative_difference(out.entropy, reference.entropy), 1e-2);
  const auto [h, e] = gradients(c, out, true, true);
  const auto [h_ref, e_ref] = gradients(wide, reference, true, true);
  EXPECT_LT(relative_difference(h, h_ref), 1e-2);
  EXPECT_LT(relative_difference(e, e_ref), 1e-2);
  EXPECT_EQ(e.scalar_type(), at::kBFloat16);
}

TEST_P(TokenLogprobsTest, NoRows) {
  const auto out = token_logprobs(at::zeros({0, 3}), at::zeros({5, 3}), at::zeros({0}, at::kLong), 1.0);
  EXPECT_EQ(out.logprobs.numel(), 0);
  EXPECT_EQ(out.entropy.numel(), 0);
}

}  // namespace
}  // namespace pope
