// Micro-batches: which positions carry loss. The guarantee that prompt and guidance tokens are never trained
// on.
#include "learn/batch.h"

#include <gmock/gmock.h>

#include <set>

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
  constexpr LossKind policy = LossKind::policy;
  return {{{11, 12, 13}, {101, 102}, policy, {0.5f, 0.25f}, {-0.1f, -0.2f}},
          {{21}, {201, 202, 203}, policy, {-1.5f, -1.5f, 0}, {-0.3f, -0.4f, -0.5f}},
          {{31, 32}, {301, 302, 303, 304}, policy, {2.5f, 2.5f, 2.5f, 2.5f}, {-0.6f, -0.7f, -0.8f, -0.9f}}};
}

TEST(MicroBatches, OneBatchByHand) {
  const std::vector<MicroBatch> batches = micro_batches(three(), 1000);
  ASSERT_EQ(batches.size(), 1u);
  const MicroBatch& b = batches[0];
  EXPECT_THAT(ids(b.tokens), ElementsAre(11, 12, 13, 101,  //
                                         21, 201, 202,     //
                                         31, 32, 301, 302, 303));
  EXPECT_THAT(b.packing.bounds, ElementsAre(0, 3, 4, 5, 7, 9, 12));
  EXPECT_THAT(b.packing.groups, ElementsAre(0, 2, 4, 6));
  // The first completion token is predicted from the last prompt position.
  EXPECT_THAT(ids(b.rows), ElementsAre(2, 3, 4, 5, 6, 8, 9, 10, 11));
  EXPECT_THAT(ids(b.targets), ElementsAre(101, 102, 201, 202, 203, 301, 302, 303, 304));
  EXPECT_THAT(ids(b.sequence), ElementsAre(0, 0, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_THAT(test::doubles(b.advantages), ElementsAre(0.5, 0.25, -1.5, -1.5, 0, 2.5, 2.5, 2.5, 2.5));
  EXPECT_EQ(b.behaviour[0].item<float>(), -0.1f);
  EXPECT_EQ(b.behaviour[8].item<float>(), -0.9f);
  EXPECT_EQ(b.kind, LossKind::policy);
  EXPECT_FALSE(b.kinds.defined());
}

// What was not sampled stands beside what was: its behaviour is 0, its weight 1 where none is given.
TEST(MicroBatches, SampledAndGivenSequencesMix) {
  std::vector<Sequence> sequences = three();
  sequences[1] = {{21}, {201, 202}};
  sequences[2].kind = LossKind::demonstration;
  sequences[2].behaviour.clear();
  const MicroBatch b = micro_batches(sequences, 1000)[0];
  EXPECT_THAT(ids(b.kinds.to(at::kLong)), ElementsAre(0, 0, 2, 2, 1, 1, 1, 1));
  EXPECT_THAT(test::doubles(b.advantages), ElementsAre(0.5, 0.25, 1, 1, 2.5, 2.5, 2.5, 2.5));
  EXPECT_EQ(b.behaviour[1].item<float>(), -0.2f);
  for (const int given : {2, 3, 4, 7}) EXPECT_EQ(b.behaviour[given].item<float>(), 0);
}

// A completion of one token is predicted from the prompt alone: it adds no input.
TEST(MicroBatches, NeighboursShareTheirPrompt) {
  const std::vector<Sequence> sequences = {{{11, 12}, {101, 102, 103}},
                                           {{11, 12}, {201}},
                                           {{11, 12}, {301, 302}},
                                           {{11}, {401, 402}},
                                           {{11, 12}, {501}}};
  const std::vector<MicroBatch> all = micro_batches(sequences, 1000);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(ids(all[0].tokens), ElementsAre(11, 12, 101, 102, 301, 11, 401, 11, 12));
  EXPECT_THAT(all[0].packing.bounds, ElementsAre(0, 2, 4, 5, 6, 7, 9));
  EXPECT_THAT(all[0].packing.groups, ElementsAre(0, 3, 5, 6));
  EXPECT_THAT(ids(all[0].rows), ElementsAre(1, 2, 3, 1, 1, 4, 5, 6, 8));
  EXPECT_THAT(ids(all[0].targets), ElementsAre(101, 102, 103, 201, 301, 302, 401, 402, 501));
  // A micro-batch that is full starts the prompt again in the next: 2 + 2, then 2 + 1 + 1, then 1 + 2.
  const std::vector<MicroBatch> parts = micro_batches(sequences, 4);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_THAT(ids(parts[0].tokens), ElementsAre(11, 12, 101, 102));
  EXPECT_THAT(ids(parts[0].targets), ElementsAre(101, 102, 103, 201));
  EXPECT_THAT(ids(parts[1].tokens), ElementsAre(11, 12, 301));
  EXPECT_THAT(ids(parts[2].tokens), ElementsAre(11, 401, 11, 12));
}

// In the message or at the beginning of the answer: an input, never a target.
TEST(MicroBatches, GuidanceIsNoTarget) {
  const int one = 3, two = 4, three = 5, yes = 1, hint = 8, eos = 0;
  for (const std::string where : {"user", "assistant"}) {
    const std::vector<int> prompt = test::tiny_prompts(where)->render("one", "two three");
    const MicroBatch b = micro_batches({{prompt, {yes, two, eos}}, {prompt, {eos}}}, 1000)[0];
    if (where == "user") {
      EXPECT_THAT(ids(b.tokens), ElementsAre(one, hint, two, three, yes, two));
    } else {
      EXPECT_THAT(ids(b.tokens), ElementsAre(one, two, three, yes, two));
    }
    EXPECT_THAT(ids(b.targets), ElementsAre(yes, two, eos, eos)) << where;
  }
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
    std::set<std::int64_t> seen;
    for (const MicroBatch& b : micro_batches(sequences, max_tokens)) {
      EXPECT_TRUE(b.tokens.numel() <= max_tokens || b.packing.group_count() == 1);
      EXPECT_EQ(b.tokens.numel(), b.packing.tokens());
      for (const auto i : ids(b.sequence)) seen.insert(i);
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
    EXPECT_EQ(seen.size(), sequences.size());
  }
}

// The gradient reaches the hidden rows P − 1 … P + C − 2 of each sequence and no others: not the prompt
// before.
TEST(MicroBatches, OnlyCompletionPositionsCarryGradient) {
  std::vector<Sequence> sequences = three();
  for (Sequence& s : sequences) {
    for (int& id : s.completion) id %= 7;
  }
  const MicroBatch b = micro_batches(sequences, 1000)[0];
  const std::int64_t W = 6, V = 7, N = b.tokens.size(0);
  const at::Tensor hidden = at::sin(at::arange(N * W, at::kDouble)).view({N, W}).requires_grad_();
  const at::Tensor embedding = at::cos(at::arange(V * W, at::kDouble)).view({V, W});
  const at::Tensor rows = hidden.index_select(0, b.rows);
  token_logprobs_reference(rows, embedding, b.targets, 1.0).logprobs.sum().backward();
  const at::Tensor touched = hidden.grad().abs().sum(-1).gt(0);  // [N]
  std::int64_t row = 0;
  for (const Sequence& s : sequences) {
    for (std::size_t t = 0; t < s.prompt.size() + s.completion.size() - 1; ++t, ++row) {
      EXPECT_EQ(touched[row].item<bool>(), t >= s.prompt.size() - 1) << row;
    }
  }
}

TEST(MicroBatches, RefusesWhatCannotBeTrainedOn) {
  EXPECT_THROW(micro_batches({{{}, {1}}}, 8), Error);
  EXPECT_THROW(micro_batches({{{1}, {}}}, 8), Error);
  constexpr LossKind policy = LossKind::policy;
  EXPECT_THROW(micro_batches({{{1}, {2, 3}, LossKind::likelihood, {0.5f}}}, 8), Error);
  EXPECT_THROW(micro_batches({{{1}, {2, 3}, policy, {}, {-0.5f}}}, 8), Error);
  EXPECT_THROW(micro_batches({{{1}, {2}, policy}}, 8), Error);  // sampled without its logprobs
  EXPECT_TRUE(micro_batches({}, 8).empty());
}

}  // namespace
}  // namespace pope
