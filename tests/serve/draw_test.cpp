#include "serve/draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/rng.h"

namespace pope {
namespace {

// Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1.
const std::vector<float> kLogits = {std::log(0.25F), std::log(0.5F), std::log(0.125F), std::log(0.125F)};

std::map<int, double> shares(const LiveSampling& sampling) {
  constexpr int kDraws = 40000;
  std::map<int, double> found;
  RngStream random(1, {key_of("draws")});
  for (int i = 0; i < kDraws; ++i)
    found[draw_live(kLogits.data(), 4, sampling, random.uniform()).token] += 1.0 / kDraws;
  return found;
}

TEST(DrawLive, TopPLeavesTheLikeliestThatHaveItTogether) {
  std::map<int, double> found = shares({.top_p = 0.7});  // 0.5 is too little, 0.75 enough
  EXPECT_EQ(found.size(), 2u);
  EXPECT_NEAR(found[1], 2.0 / 3, 0.015);  // six standard errors
  EXPECT_NEAR(found[0], 1.0 / 3, 0.015);
  EXPECT_EQ(shares({.top_p = 0.5}).size(), 1u);
  EXPECT_EQ(shares({}).size(), 4u);
}

// 5,000 tokens of nearly equal probability: the likeliest 90 % are 4,500, far beyond the first that are put
// in order.
TEST(DrawLive, TopPReachesAsFarAsItMust) {
  std::vector<float> logits;
  for (int i = 0; i < 5000; ++i) logits.push_back(-1e-7F * static_cast<float>(i));
  const auto drawn = [&](double uniform) {
    return draw_live(logits.data(), 5000, {.top_p = 0.9}, uniform).token;
  };
  EXPECT_EQ(drawn(0), 0);
  EXPECT_NEAR(drawn(0.5), 2250, 3);
  EXPECT_NEAR(drawn(0.999999), 4499, 3);
}

TEST(DrawLive, TopKLeavesSoMany) {
  std::map<int, double> found = shares({.top_k = 3});
  EXPECT_EQ(found.size(), 3u);
  EXPECT_NEAR(found[1], 0.5 / 0.875, 0.015);
  EXPECT_EQ(found.count(3), 0u);  // of equal ones the first stays
  // At temperature 0.5 probabilities are squared: 16 : 4 : 1 : 1.
  EXPECT_NEAR(shares({.temperature = 0.5, .top_k = 2})[1], 16.0 / 20, 0.015);
}

TEST(DrawLive, TellsLogprobsOfTheWholeDistribution) {
  const LiveToken likeliest = draw_live(kLogits.data(), 4, {.temperature = 0, .top_logprobs = 3}, 0.9);
  EXPECT_EQ(likeliest.token, 1);
  EXPECT_NEAR(likeliest.logprob, std::log(0.5), 1e-6);
  ASSERT_EQ(likeliest.top.size(), 3u);
  EXPECT_EQ(likeliest.top[1].first, 0);
  EXPECT_NEAR(likeliest.top[1].second, std::log(0.25), 1e-6);
  EXPECT_EQ(likeliest.top[2].first, 2);
  const LiveToken kept = draw_live(kLogits.data(), 4, {.top_p = 0.5}, 0.9);
  EXPECT_NEAR(kept.logprob, std::log(0.5), 1e-6);  // though nothing else could be drawn
  const LiveToken cool = told_token(kLogits.data(), 4, {.temperature = 0.5}, 0);
  EXPECT_NEAR(cool.logprob, std::log(4.0 / 22), 1e-6);
}

}  // namespace
}  // namespace pope
