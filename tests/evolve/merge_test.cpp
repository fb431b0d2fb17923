// Merges of small families.
#include "evolve/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace pope {
namespace {

Candidate candidate(Texts texts, std::vector<int> parents, double score) {
  Candidate one;
  one.texts = std::move(texts);
  one.parents = std::move(parents);
  one.scores = {score, score};
  return one;
}

RngStream random(std::uint64_t number = 0) { return {1, {number}}; }

// The seed, a child that changed a, and one that changed b.
std::vector<Candidate> family() {
  return {candidate({{"a", "0"}, {"b", "0"}}, {}, 0.2), candidate({{"a", "x"}, {"b", "0"}}, {0}, 0.4),
          candidate({{"a", "0"}, {"b", "y"}}, {0}, 0.6)};
}

TEST(Merge, JoinsWhatEitherChanged) {
  const std::optional<Merge> merge = draw_merge(family(), {2, 1}, {}, random());
  ASSERT_TRUE(merge);
  EXPECT_EQ(merge->first, 1);
  EXPECT_EQ(merge->second, 2);
  EXPECT_EQ(merge->ancestor, 0);
  EXPECT_EQ(merge->texts, (Texts{{"a", "x"}, {"b", "y"}}));
}

TEST(Merge, TakesFromTheBetterOneWhatBothChanged) {
  const Candidate ancestor = candidate({{"a", "0"}, {"b", "0"}}, {}, 0.2);
  const Candidate first = candidate({{"a", "x"}, {"b", "0"}}, {0}, 0.4),
                  second = candidate({{"a", "z"}, {"b", "y"}}, {0}, 0.6);
  RngStream draws = random();
  EXPECT_EQ(merged_texts(ancestor, first, second, draws), (Texts{{"a", "z"}, {"b", "y"}}));
  EXPECT_EQ(merged_texts(ancestor, second, first, draws), (Texts{{"a", "z"}, {"b", "y"}}));
  const Candidate equal = candidate({{"a", "x"}, {"b", "0"}}, {0}, 0.6);
  std::set<std::string> drawn;
  for (int i = 0; i < 20; ++i) drawn.insert(merged_texts(ancestor, equal, second, draws).at("a"));
  EXPECT_EQ(drawn, (std::set<std::string>{"x", "z"}));
}

TEST(Merge, NeedsTwoThatWentDifferentWays) {
  const std::vector<Candidate> three = family();
  EXPECT_FALSE(draw_merge(three, {2}, {}, random()));
  EXPECT_FALSE(draw_merge(three, {0, 1}, {}, random()));           // one descends from the other
  EXPECT_FALSE(draw_merge(three, {1, 2}, {{1, 2, 0}}, random()));  // tried
  std::vector<Candidate> known = three;
  known.push_back(candidate({{"a", "x"}, {"b", "y"}}, {1}, 0.1));
  EXPECT_FALSE(draw_merge(known, {1, 2}, {}, random()));
  std::vector<Candidate> fallen = three;
  fallen[0].scores = {0.5, 0.5};  // better than the first child
  EXPECT_FALSE(draw_merge(fallen, {1, 2}, {}, random()));
  // Both changed the same component, and nothing else.
  EXPECT_FALSE(
      draw_merge({three[0], three[1], candidate({{"a", "z"}, {"b", "0"}}, {0}, 0.6)}, {1, 2}, {}, random()));
}

TEST(MergeInstances, AreSpreadOverWhoWinsThem) {
  // The first is better on 0 1 2, the second on 3, equal on the others.
  const std::vector<double> first = {1, 1, 1, 0, 0, 0, 0, 1}, second = {0, 0, 0, 1, 0, 0, 0, 1};
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    const std::vector<std::size_t> chosen = merge_instances(first, second, 5, random(draw));
    ASSERT_EQ(std::set<std::size_t>(chosen.begin(), chosen.end()).size(), 5u);
    const auto in = [&](std::size_t from, std::size_t to) {
      return std::count_if(chosen.begin(), chosen.end(), [&](std::size_t i) { return from <= i && i < to; });
    };
    EXPECT_EQ(in(0, 3), 2);
    EXPECT_EQ(in(3, 4), 1);
    EXPECT_EQ(in(4, 8), 2);
  }
  // What a stratum lacks comes from the others; what is not there does not come.
  EXPECT_EQ(merge_instances({1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0}, 5, random()).size(), 5u);
  EXPECT_EQ(merge_instances({1, 0, 0}, {0, 0, 0}, 5, random()).size(), 3u);
}

}  // namespace
}  // namespace pope
