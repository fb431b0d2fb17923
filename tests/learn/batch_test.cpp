// Micro-batches: which positions carry loss. The guarantee that prompt and guidance tokens are never trained
// on.
#include "learn/batch.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "learn/tiny.h"
#include "model/model.h"

namespace pope {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> ids(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous().flatten();
  return {flat.data_ptr<std::int64_t>(), flat.data_ptr<std::int64_t>() + flat.numel()};
}

// Lengths all distinct: prompts 3, 1, 2; completions 2, 3, 4. Prompt tokens are < 100, completion tokens ≥
// 100.
std::vector<Sequence> three() {
  return {{{11, 12, 13}, {101, 102}, {-0.1f, -0.2f}, 0.5},
          {{21}, {201, 202, 203}, {-0.3f, -0.4f, -0.5f}, -1.5},
          {{31, 32}, {301, 302, 303, 304}, {-0.6f, -0.7f, -0.8f, -0.9f}, 2.5}};
}

TEST(MicroBatches, OneBatchByHand) {
  const std::vector<MicroBatch> batches = micro_batches(three(), 1000);
  ASSERT_EQ(batches.size(), 1u);
  const MicroBatch& b = batches[0];
  EXPECT_THAT(b.index, ElementsAre(2, 0, 1));                    // inputs of 5, 4 and 3 tokens
  EXPECT_THAT(ids(b.tokens), ElementsAre(31, 32, 301, 302, 303,  //
                                         11, 12, 13, 101, 0,     //
                                         21, 201, 202, 0, 0));
  EXPECT_EQ(b.tokens.size(0), 3);
  // The first completion token is predicted from the last prompt position.
  EXPECT_THAT(ids(b.rows), ElementsAre(1, 2, 3, 4, 7, 8, 10, 11, 12));
  EXPECT_THAT(ids(b.targets), ElementsAre(301, 302, 303, 304, 101, 102, 201, 202, 203));
  EXPECT_THAT(ids(b.sequence), ElementsAre(2, 2, 2, 2, 0, 0, 1, 1, 1));
  EXPECT_THAT(test::doubles(b.advantages), ElementsAre(2.5, 2.5, 2.5, 2.5, 0.5, 0.5, -1.5, -1.5, -1.5));
  EXPECT_EQ(b.behaviour[4].item<float>(), -0.1f);
  EXPECT_EQ(b.behaviour[8].item<float>(), -0.5f);
}

// Over many shapes: the targets are exactly the completion tokens, each predicted from the token before it.
TEST(MicroBatches, TargetsAreExactlyTheCompletions) {
  std::vector<Sequence> sequences;
  std::multiset<std::int64_t> completions;
  for (int p = 1; p <= 5; ++p) {
    for (int c = 1; c <= 4; ++c) {
      Sequence s;
      for (int i = 0; i < p; ++i) s.prompt.push_back(1000 * p + 100 * c + i);
      for (int i = 0; i < c; ++i) s.completion.push_back(100000 + 1000 * p + 100 * c + i);
      completions.insert(s.completion.begin(), s.completion.end());
      sequences.push_back(s);
    }
  }
  for (const int max_tokens : {1, 7, 16, 1000}) {
    std::multiset<std::int64_t> targets;
    std::size_t count = 0;
    for (const MicroBatch& b : micro_batches(sequences, max_tokens)) {
      EXPECT_TRUE(b.tokens.numel() <= max_tokens || b.tokens.size(0) == 1);
      EXPECT_FALSE(b.behaviour.defined());
      count += b.index.size();
      const std::vector<std::int64_t> inputs = ids(b.tokens), rows = ids(b.rows), wanted = ids(b.targets),
                                      owner = ids(b.sequence);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        targets.insert(wanted[i]);
        const Sequence& s = sequences[owner[i]];
        const int offset = static_cast<int>(wanted[i] - s.completion[0]);
        EXPECT_EQ(inputs[rows[i]], offset == 0 ? s.prompt.back() : s.completion[offset - 1]);
      }
    }
    EXPECT_EQ(targets, completions) << max_tokens;
    EXPECT_EQ(count, sequences.size());
  }
}

// The gradient reaches the hidden rows P − 1 … P + C − 2 of each sequence and no others: not the prompt
// before, not the padding after.
TEST(MicroBatches, OnlyCompletionPositionsCarryGradient) {
  std::vector<Sequence> sequences = three();
  for (Sequence& s : sequences) {
    for (int& id : s.completion) id %= 7;
  }
  const MicroBatch b = micro_batches(sequences, 1000)[0];
  const std::int64_t W = 6, V = 7, T = b.tokens.size(1);
  const at::Tensor hidden = at::sin(at::arange(3 * T * W, at::kDouble)).view({3, T, W}).requires_grad_();
  const at::Tensor embedding = at::cos(at::arange(V * W, at::kDouble)).view({V, W});
  const at::Tensor rows = hidden.flatten(0, 1).index_select(0, b.rows);
  token_logprobs_reference(rows, embedding, b.targets, 1.0).logprobs.sum().backward();
  const at::Tensor touched = hidden.grad().abs().sum(-1).gt(0);  // [3,T]
  for (std::int64_t row = 0; row < 3; ++row) {
    const Sequence& s = sequences[b.index[row]];
    const std::int64_t first = static_cast<std::int64_t>(s.prompt.size()) - 1;
    const std::int64_t last = first + static_cast<std::int64_t>(s.completion.size()) - 1;
    for (std::int64_t t = 0; t < T; ++t) {
      EXPECT_EQ(touched[row][t].item<bool>(), t >= first && t <= last) << row << " " << t;
    }
  }
}

TEST(MicroBatches, RefusesWhatCannotBeTrainedOn) {
  EXPECT_THROW(micro_batches({{{}, {1}}}, 8), Error);
  EXPECT_THROW(micro_batches({{{1}, {}}}, 8), Error);
  EXPECT_THROW(micro_batches({{{1}, {2, 3}, {-0.5f}}}, 8), Error);
  EXPECT_THROW(micro_batches({{{1}, {2}, {-0.5f}}, {{1}, {2}}}, 8), Error);
  EXPECT_TRUE(micro_batches({}, 8).empty());
}

}  // namespace
}  // namespace pope
