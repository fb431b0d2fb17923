// Choosing the problems of the two-problem experiment, by hand; embeddings against a model of known weights.
#include "explore/pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/temp_dir.h"
#include "explore/fake_engine.h"
#include "model/models.h"

namespace pope {
namespace {

using testing::problem;

Problem hard_problem(const std::string& id, int correct) {
  Problem result = problem(id);
  result.guidance = Guidance{.text = "x", .samples = 10, .correct = correct};
  return result;
}

Problem easy_problem(const std::string& id, int correct) {
  Problem result = problem(id);
  result.extra["mining"] = {{"samples", 10}, {"correct", correct}};
  return result;
}

TEST(Pairs, MatchedInRateMostAndLeastSimilar) {
  const std::vector<Problem> hard = {hard_problem("a", 1), hard_problem("b", 3), hard_problem("c", 4),
                                     problem("d"), hard_problem("e", 2)};
  const std::vector<Problem> easy = {easy_problem("u", 9), easy_problem("v", 3), easy_problem("w", 2),
                                     easy_problem("x", 4), problem("y")};
  // u and y would be the extremes, but are not matched.
  const std::vector<std::vector<double>> similarity = {
      {0, 0, 0, 0, 0}, {.99, .5, .7, .6, -1}, {-.9, .1, -.2, .3, 1}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}};
  PairsConfig config;
  config.count = 2;
  const auto pairs = choose_pairs(config, hard, easy, similarity);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].hard, 1u);
  EXPECT_EQ(pairs[0].related, 2u);
  EXPECT_EQ(pairs[0].unrelated, 1u);
  EXPECT_EQ(pairs[1].hard, 2u);
  EXPECT_EQ(pairs[1].related, 3u);
  EXPECT_EQ(pairs[1].related_similarity, .3);
  EXPECT_EQ(pairs[1].unrelated, 2u);
  EXPECT_EQ(pairs[1].unrelated_similarity, -.2);
  config.count = 4;
  EXPECT_THAT(error_of([&] { choose_pairs(config, hard, easy, similarity); }),
              ::testing::HasSubstr("got 3 and 3"));
  EXPECT_EQ(base_rate(hard[0], true), .1);
  EXPECT_EQ(base_rate(hard[0], false), std::nullopt);
  EXPECT_EQ(base_rate(easy[1], false), .3);
}

TEST(Pairs, EmbeddingIsTheMeanHiddenStateOfLengthOne) {
  Architecture architecture = tiny_architecture();
  architecture.vocab_size = 256;
  const auto model = lively_model(architecture, at::kFloat);
  const fake::BytesTokenizer tokenizer;
  const std::vector<float> found = statement_embedding(*model, tokenizer, "abc");
  // The same by hand, token after token.
  const at::Tensor hidden =
      model->forward_hidden(at::tensor({97, 98, 99}, at::kLong), Packing::equal(1, 3)).detach();
  std::vector<double> sum(24, 0);
  double squares = 0;
  for (int i = 0; i < 24; ++i) {
    for (int t = 0; t < 3; ++t) sum[i] += hidden[t][i].item<double>();
    squares += sum[i] * sum[i];
  }
  ASSERT_EQ(found.size(), 24u);
  for (int i = 0; i < 24; ++i) EXPECT_NEAR(found[i], sum[i] / std::sqrt(squares), 1e-5);
  EXPECT_THROW(statement_embedding(*model, tokenizer, ""), Error);
  EXPECT_NO_THROW(statement_embedding(*model, tokenizer, std::string(64, 'x')));
  EXPECT_THROW(statement_embedding(*model, tokenizer, std::string(65, 'x')), Error);  // the context is 64
}

}  // namespace
}  // namespace pope
