// Mixtures: how many prompts of each set, that every problem comes once per epoch, and that draws are
// stateless.
#include "data/mixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"

namespace pope {
namespace {

std::vector<Problem> make(const std::string& name, int count, int guided) {
  std::vector<Problem> problems(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    problems[static_cast<std::size_t>(i)].id = name + std::to_string(i);
    if (i < guided) problems[static_cast<std::size_t>(i)].guidance = Guidance{.text = "hint"};
  }
  return problems;
}

MixtureConfig weights(double unguided, double guided, double easy) { return {unguided, guided, easy}; }

std::map<std::string, int> counts(const std::vector<PromptDraw>& draws) {
  std::map<std::string, int> result;
  for (const PromptDraw& draw : draws) ++result[draw.set->name];
  return result;
}

std::vector<std::string> ids(const std::vector<PromptDraw>& draws) {
  std::vector<std::string> result;
  for (const PromptDraw& draw : draws) result.push_back(draw.set->name + ":" + draw.problem->id);
  return result;
}

using Counts = std::map<std::string, int>;

TEST(Mixture, SplitsByLargestRemainder) {
  const auto hard = make("h", 40, 40), easy = make("e", 30, 0);
  const auto split = [&](MixtureConfig config, int prompts) {
    return counts(Mixture(config, hard, easy, 1).draw(0, prompts));
  };
  EXPECT_EQ(split(weights(1, 1, 0), 32), (Counts{{"unguided", 16}, {"guided", 16}}));
  EXPECT_EQ(split(weights(1, 1, 0), 7),
            (Counts{{"unguided", 4}, {"guided", 3}}));  // a tie goes to the earlier set
  EXPECT_EQ(split(weights(1, 1, 1), 4), (Counts{{"unguided", 2}, {"guided", 1}, {"easy", 1}}));
  EXPECT_EQ(split(weights(1, 1, 1), 5), (Counts{{"unguided", 2}, {"guided", 2}, {"easy", 1}}));
  EXPECT_EQ(split(weights(5, 3, 2), 7),
            (Counts{{"unguided", 4}, {"guided", 2}, {"easy", 1}}));  // 3.5, 2.1, 1.4
  EXPECT_EQ(split(weights(1, 2, 6), 5),
            (Counts{{"unguided", 1}, {"guided", 1}, {"easy", 3}}));  // .56, 1.1, 3.3
  // 0.3 : 0.1 of 10 is 7.5 : 2.5: a tie but for rounding.
  EXPECT_EQ(split(weights(0.3, 0.1, 0), 10), (Counts{{"unguided", 8}, {"guided", 2}}));
  EXPECT_EQ(split(weights(0.1, 0.3, 0), 10), (Counts{{"unguided", 3}, {"guided", 7}}));
  EXPECT_EQ(split(weights(0, 0, 3), 6), (Counts{{"easy", 6}}));
}

TEST(Mixture, EveryProblemOncePerEpochInAFreshOrder) {
  const auto hard = make("h", 12, 12);
  const Mixture mixture(weights(1, 1, 0), hard, {}, 5);
  std::map<std::string, std::vector<std::string>> walked;  // 9 steps of 8 prompts: 4 of each set, 3 epochs
  for (int step = 0; step < 9; ++step)
    for (const PromptDraw& draw : mixture.draw(step, 8)) walked[draw.set->name].push_back(draw.problem->id);
  std::set<std::vector<std::string>> orders;
  for (const auto& [set, order] : walked) {
    ASSERT_EQ(order.size(), 36u);
    for (int epoch = 0; epoch < 3; ++epoch) {
      const std::vector<std::string> part(order.begin() + 12 * epoch, order.begin() + 12 * epoch + 12);
      EXPECT_EQ(std::set<std::string>(part.begin(), part.end()).size(), 12u) << set << " epoch " << epoch;
      orders.insert(part);
    }
  }
  EXPECT_EQ(orders.size(), 6u);  // no order twice, neither over epochs nor over sets
}

TEST(Mixture, RefusesToStarveASet) {
  const auto hard = make("h", 5, 5);
  const Mixture mixture(weights(1, 1, 0), hard, {}, 2);
  EXPECT_THROW(mixture.draw(0, 1), Error);
  EXPECT_EQ(mixture.draw(0, 2).size(), 2u);
}

TEST(Mixture, EpochsEndInsideAStep) {
  const auto hard = make("h", 5, 5);
  const Mixture mixture(weights(1, 0, 0), hard, {}, 2);
  std::map<std::string, int> times;
  for (int step = 0; step < 5; ++step)
    for (const PromptDraw& draw : mixture.draw(step, 12)) ++times[draw.problem->id];
  EXPECT_EQ(times, (Counts{{"h0", 12}, {"h1", 12}, {"h2", 12}, {"h3", 12}, {"h4", 12}}));
}

TEST(Mixture, AFunctionOfSeedAndStepAlone) {
  const auto hard = make("h", 50, 50), easy = make("e", 20, 0);
  const Mixture a(weights(1, 1, 1), hard, easy, 3), b(weights(1, 1, 1), hard, easy, 3),
      other(weights(1, 1, 1), hard, easy, 4);
  for (int step = 0; step < 6; ++step) a.draw(step, 9);
  EXPECT_EQ(ids(a.draw(6, 9)), ids(b.draw(6, 9)));
  EXPECT_NE(ids(a.draw(6, 9)), ids(a.draw(7, 9)));
  EXPECT_NE(ids(a.draw(6, 9)), ids(other.draw(6, 9)));
}

TEST(Mixture, ShowsGuidanceInTheGuidedSetOnly) {
  const auto hard = make("h", 10, 6), easy = make("e", 4, 4);
  const Mixture mixture(weights(1, 1, 1), hard, easy, 1);
  ASSERT_EQ(mixture.sets().size(), 3u);
  EXPECT_EQ(mixture.sets()[0].problems.size(), 10u);
  EXPECT_EQ(mixture.sets()[1].problems.size(), 6u);
  EXPECT_EQ(mixture.without_guidance(), 4);
  for (const PromptSet& set : mixture.sets()) {
    EXPECT_EQ(set.guided, set.name == "guided");
    for (const Problem& problem : set.problems)
      EXPECT_EQ(problem.guidance.has_value(), set.guided) << set.name;
  }
  EXPECT_EQ(mixture.sets()[1].problems[0].guidance->instruction, "");
  EXPECT_EQ(Mixture(weights(1, 0, 0), hard, easy, 1).without_guidance(), 0);
}

TEST(Mixture, Refuses) {
  const auto hard = make("h", 3, 0);
  EXPECT_THROW(Mixture(weights(0, 0, 0), hard, {}, 1), Error);
  EXPECT_THROW(Mixture(weights(1, 1, 0), hard, {}, 1), Error);  // none has guidance
  EXPECT_THROW(Mixture(weights(1, 0, 1), hard, {}, 1), Error);
  EXPECT_THROW(Mixture(weights(1, 0, 0), {}, hard, 1), Error);
  EXPECT_THROW(Mixture(weights(-1, 0, 1), hard, hard, 1), Error);
  const Mixture mixture(weights(1, 0, 0), hard, {}, 1);
  EXPECT_THROW(check_shares(weights(1, 3, 0), 1), Error);
  EXPECT_NO_THROW(check_shares(weights(1, 3, 0), 2));
  EXPECT_THROW(mixture.draw(0, 0), Error);
  EXPECT_THROW(mixture.draw(-1, 4), Error);
}

}  // namespace
}  // namespace pope
