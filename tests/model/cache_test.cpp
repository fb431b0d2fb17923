// Cached decoding against the training forward, on ragged batches, for every family and both dtypes.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "model/models.h"

namespace pope {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

// Prefills prompts of ragged lengths together, decodes the rest token by token; compares each position's
// hidden state with forward_hidden() on the whole sequence. Returns the largest difference.
double cached_versus_whole(const Model& model, std::int64_t position_error = 0) {
  const c10::NoGradGuard no_grad;
  const auto& a = model.architecture();
  const std::int64_t prompts[] = {5, 1, 9, 3}, total = 21, rows = 4;
  const auto tokens = random_tokens(rows, total, a.vocab_size, 3);
  const auto whole = hidden_of(model, tokens);
  KvCache cache(a, 5, 9, model.compute_type());
  const auto prompt_states = model.decode(tokens.narrow(1, 0, 9), at::zeros({rows}, at::kLong), cache);
  double worst = 0;
  auto starts = at::empty({rows}, at::kLong), next = at::empty({rows, 1}, at::kLong);
  for (std::int64_t b = 0; b < rows; ++b) {
    worst = std::max(worst, largest_difference(prompt_states[b].narrow(0, 0, prompts[b]),
                                               whole[b].narrow(0, 0, prompts[b])));
  }
  cache.reserve(23);
  for (std::int64_t step = 0; step < total - 9; ++step) {
    for (std::int64_t b = 0; b < rows; ++b) {
      starts[b] = prompts[b] + step + position_error;
      next[b] = tokens[b][prompts[b] + step];
    }
    const auto states = model.decode(next, starts, cache);
    for (std::int64_t b = 0; b < rows; ++b) {
      worst = std::max(worst, largest_difference(states[b][0], whole[b][prompts[b] + step]));
    }
  }
  return worst;
}

class CacheTest : public testing::TestWithParam<const char*> {};

// Hidden states are of order 1; the two ways differ by the order of f32 sums only.
TEST_P(CacheTest, CachedEqualsWholeInFloat) {
  const auto model = lively_model(tiny_architecture(GetParam()), at::kFloat);
  EXPECT_LT(cached_versus_whole(*model), 2e-5);
}

// bf16 has 8 bits: one rounding is 2^-9 relative. The two ways round the attention weights at different
// places; over two blocks that stays within a few roundings of values up to about 4. An error of the order of
// a wrong position is larger than 0.3 (next test).
TEST_P(CacheTest, CachedEqualsWholeInBfloat16) {
  const auto model = lively_model(tiny_architecture(GetParam()), at::kBFloat16);
  EXPECT_LT(cached_versus_whole(*model), 0.1);
}

TEST_P(CacheTest, APositionTooSmallByOneShows) {
  const auto model = lively_model(tiny_architecture(GetParam()), at::kFloat);
  EXPECT_GT(cached_versus_whole(*model, -1), 0.3);
}

// A prompt continued in pieces of several tokens, each row from another position.
TEST_P(CacheTest, PrefillInPieces) {
  const c10::NoGradGuard no_grad;
  const auto model = lively_model(tiny_architecture(GetParam()), at::kFloat);
  const auto tokens = random_tokens(2, 11, model->architecture().vocab_size, 5);
  const auto whole = hidden_of(*model, tokens);
  KvCache cache(model->architecture(), 2, 11, at::kFloat);
  model->decode(tokens.narrow(1, 0, 6), at::zeros({2}, at::kLong), cache);
  const auto piece = at::stack({tokens[0].narrow(0, 6, 3), tokens[1].narrow(0, 4, 3)});
  const auto states = model->decode(piece, at::tensor({6, 4}, at::kLong), cache);
  EXPECT_LT(largest_difference(states[0], whole[0].narrow(0, 6, 3)), 2e-5);
  EXPECT_LT(largest_difference(states[1], whole[1].narrow(0, 4, 3)), 2e-5);
}

TEST_P(CacheTest, PrefillTogetherEqualsOneByOne) {
  const auto model = lively_model(tiny_architecture(GetParam()), at::kFloat);
  const auto& a = model->architecture();
  const auto tokens = random_tokens(3, 7, a.vocab_size, 11);
  const std::int64_t lengths[] = {7, 2, 4};
  KvCache together(a, 3, 7, at::kFloat);
  const auto all = model->decode(tokens, at::zeros({3}, at::kLong), together);
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto n = lengths[b];
    KvCache alone(a, 1, 7, at::kFloat);
    const auto one = model->decode(tokens.narrow(0, b, 1).narrow(1, 0, n), at::zeros({1}, at::kLong), alone);
    EXPECT_LT(largest_difference(all[b].narrow(0, 0, n), one[0]), 2e-5);
    EXPECT_LT(largest_difference(together.keys[1][b].narrow(1, 0, n), alone.keys[1][0].narrow(1, 0, n)),
              2e-5);
    EXPECT_LT(largest_difference(together.values[1][b].narrow(1, 0, n), alone.values[1][0].narrow(1, 0, n)),
              2e-5);
  }
}

// Two rollouts of one prompt and one of another, the second of which takes the place of the first: what they
// share and what is their own moves with them, and each state is that of the whole sequence.
TEST_P(CacheTest, SharedPrompts) {
  const c10::NoGradGuard no_grad;
  const auto model = lively_model(tiny_architecture(GetParam()), at::kFloat);
  const auto& a = model->architecture();
  auto tokens = random_tokens(3, 12, a.vocab_size, 7);
  tokens[1].narrow(0, 0, 6).copy_(tokens[0].narrow(0, 0, 6));
  const auto whole = hidden_of(*model, tokens);
  const int lengths[] = {6, 6, 3};
  KvCache cache(a, 3, 3, at::kFloat);
  const auto prefilled = [&](int row) {
    auto prompt = std::make_shared<KvCache>(a, 1, lengths[row], at::kFloat);
    model->decode(tokens.narrow(0, row, 1).narrow(1, 0, lengths[row]), at::zeros({1}, at::kLong), *prompt);
    return prompt;
  };
  const auto first = prefilled(0);
  cache.share(0, first, 6);
  cache.share(1, first, 6);
  cache.share(2, prefilled(2), 3);
  std::vector<int> in_slot = {0, 1, 2};
  for (int step = 0; step < 6; ++step) {
    if (step == 3) {
      cache.reserve(6);
      cache.copy(2, 0, 3 + step);
      cache.release(2);
      in_slot = {2, 1};
    }
    const auto batch = std::ssize(in_slot);
    auto starts = at::empty({batch}, at::kLong), next = at::empty({batch, 1}, at::kLong);
    for (int s = 0; s < batch; ++s) {
      starts[s] = lengths[in_slot[s]] + step;
      next[s] = tokens[in_slot[s]][lengths[in_slot[s]] + step];
    }
    const auto states = model->decode(next, starts, cache);
    for (int s = 0; s < batch; ++s)
      EXPECT_LT(largest_difference(states[s][0], whole[in_slot[s]][lengths[in_slot[s]] + step]), 2e-5);
  }
  EXPECT_EQ(first.use_count(), 2);  // here and in slot 1
  // Fewer positions than are shared; a slot that shares becomes one that does not; what does not fit.
  cache.copy(1, 2, 4);
  EXPECT_EQ(cache.shared(2), 4);
  cache.copy_from(*first, 0, 2, 5);
  EXPECT_EQ(cache.shared(2), 0);
  EXPECT_TRUE(at::equal(cache.keys[1][2].narrow(1, 0, 5), first->keys[1][0].narrow(1, 0, 5)));
  KvCache other(a, 1, 9, at::kFloat);
  EXPECT_THROW(other.copy_from(cache, 1, 0, 7), Error);
  EXPECT_THROW(cache.copy(1, 2, -1), Error);
  const auto one = at::zeros({3, 1}, at::kLong), two = at::zeros({3, 2}, at::kLong);
  EXPECT_THROW(model->decode(one, at::tensor({3, 3, 0}, at::kLong), cache), Error);  // within the shared part
  EXPECT_THROW(model->decode(two, at::zeros({3}, at::kLong), cache), Error);
  EXPECT_THROW(cache.share(0, first, 7), Error);
}

INSTANTIATE_TEST_SUITE_P(Families, CacheTest, testing::ValuesIn(kFamilies));

TEST(KvCacheTest, CopyMovesTheFirstPositionsOfEveryLayer) {
  const auto a = tiny_architecture();
  KvCache cache(a, 2, 4, at::kFloat);
  for (std::size_t l = 0; l < cache.keys.size(); ++l) {
    cache.keys[l].copy_(at::arange(cache.keys[l].numel()).view(cache.keys[l].sizes()) +
                        1000.0 * static_cast<double>(l));
    cache.values[l].copy_(-cache.keys[l]);
  }
  KvCache other(a, 3, 9, at::kFloat);
  for (auto* layers : {&other.keys, &other.values}) {
    for (auto& layer : *layers) layer.zero_();
  }
  other.copy_from(cache, 1, 2, 3);
  EXPECT_TRUE(at::equal(other.keys[1][2].narrow(1, 0, 3), cache.keys[1][1].narrow(1, 0, 3)));
  EXPECT_TRUE(at::equal(other.values[0][2].narrow(1, 0, 3), cache.values[0][1].narrow(1, 0, 3)));
  EXPECT_EQ(other.keys[1][2].narrow(1, 3, 6).abs().max().item<float>(), 0);
  EXPECT_EQ(other.keys[1][1].abs().max().item<float>(), 0);
  other.reserve(12);
  EXPECT_EQ(other.positions(), 12);
  EXPECT_TRUE(at::equal(other.values[1][2].narrow(1, 0, 3), cache.values[1][1].narrow(1, 0, 3)));
  EXPECT_THROW(other.copy_from(cache, 0, 0, 5), Error);
}

TEST(KvCacheTest, DecodeRefusesMoreThanTheCacheHolds) {
  const auto model = Model::random(tiny_architecture(), 1);
  KvCache cache(model->architecture(), 2, 4, at::kFloat);
  EXPECT_THROW(model->decode(at::zeros({2, 1}, at::kLong), at::tensor({1, 4}, at::kLong), cache), Error);
  EXPECT_THROW(model->decode(at::zeros({3, 1}, at::kLong), at::tensor({0, 0, 0}, at::kLong), cache), Error);
}

}  // namespace
}  // namespace pope
