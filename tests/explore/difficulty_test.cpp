// Classes, settling and pass@k under early stopping, against hand-made values and brute force over all
// outcomes.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/statistics.h"
#include "explore/mine.h"

namespace pope {
namespace {

MineConfig small_config(int n, int chunk, int hard_max = 0) {
  MineConfig config;
  config.samples = n;
  config.chunk = chunk;
  config.hard_max = hard_max;
  return config;
}

TEST(Difficulty, ClassesByRate) {
  const MineConfig config;  // 0.15, 0.45, 0.8
  EXPECT_EQ(difficulty_class(config, 20, 0), "hard");
  EXPECT_EQ(difficulty_class(config, 20, 1), "medium");
  EXPECT_EQ(difficulty_class(config, 20, 2), "medium");
  EXPECT_EQ(difficulty_class(config, 20, 3), "easy");
  EXPECT_EQ(difficulty_class(config, 20, 8), "easy");
  EXPECT_EQ(difficulty_class(config, 20, 9), "easier");
  EXPECT_EQ(difficulty_class(config, 20, 16), "easier");
  EXPECT_EQ(difficulty_class(config, 20, 17), "solved");
  EXPECT_EQ(difficulty_class(small_config(20, 4, 2), 20, 2), "hard");
  EXPECT_THROW(difficulty_class(config, 20, 21), Error);
}

// Of Beta(½, ½) success rates: the chance of one sequence of n samples of which c are correct.
double chance_of(int n, int c) {
  return std::exp(std::lgamma(c + 0.5) + std::lgamma(n - c + 0.5) - std::lgamma(n + 1.0)) / std::numbers::pi;
}

// By all continuations of the samples drawn: without an error a class is settled when they lead to it alone,
// with one when the others have no more than that of their chance.
TEST(Difficulty, SettledByWhatTheSamplesLeftCanGive) {
  constexpr int n = 11;
  for (const double error : {0.0, 0.1, 0.3}) {
    for (const int hard_max : {0, 1, 3}) {
      MineConfig config = small_config(n, 2, hard_max);
      config.error = error;
      const StoppingRule rule(config);
      for (int drawn = 0; drawn <= n; ++drawn) {
        for (int correct = 0; correct <= drawn; ++correct) {
          std::map<std::string, double> chance;
          double all = 0;
          for (unsigned rest = 0; rest < (1u << (n - drawn)); ++rest) {
            const int c = correct + std::popcount(rest);
            chance[difficulty_class(config, n, c)] += chance_of(n, c);
            all += chance_of(n, c);
          }
          std::optional<std::string> expected;
          for (const auto& [name, part] : chance) {
            if (part >= (1 - error) * all * (1 - 1e-12)) expected = name;
          }
          EXPECT_EQ(rule.class_at(drawn, correct), expected)
              << drawn << " drawn, " << correct << " correct, hard_max " << hard_max << ", error " << error;
        }
      }
    }
  }
}

TEST(Difficulty, HardCostsAllSamples) {
  const MineConfig config = small_config(128, 8);
  for (int drawn = 0; drawn < 128; ++drawn) EXPECT_EQ(StoppingRule(config).class_at(drawn, 0), std::nullopt);
  EXPECT_EQ(StoppingRule(config).class_at(128, 0), "hard");
}

struct Stop {
  int drawn = 0, correct = 0;
};

// Where mining stops on the outcomes `bits` (bit i = sample i).
Stop stop_of(const StoppingRule& rule, unsigned bits) {
  Stop stop;
  do {
    stop.correct += (bits >> stop.drawn) & 1;
    ++stop.drawn;
  } while (!rule.stops(stop.drawn, stop.correct));
  return stop;
}

TEST(Difficulty, LeavesAtTheEndOfAChunk) {
  MineConfig config = small_config(8, 4);
  config.easy_min = config.easier_min = config.easier_max = 0.01;
  EXPECT_FALSE(StoppingRule(config).stops(3, 1));  // settled, but in the middle
  EXPECT_TRUE(StoppingRule(config).stops(4, 1));
  EXPECT_FALSE(StoppingRule(config).stops(4, 0));
  EXPECT_TRUE(StoppingRule(config).stops(8, 0));
  config.adaptive = false;
  EXPECT_FALSE(StoppingRule(config).stops(4, 1));
  EXPECT_TRUE(StoppingRule(config).stops(8, 1));
}

// Over all outcomes of all n samples, weighted as Beta(½, ½) rates give them: the class at the stop is
// another one than that of n samples no more often than allowed, and fewer samples are drawn.
TEST(Difficulty, AnAllowedErrorIsKept) {
  constexpr int n = 14;
  double drawn_before = n;
  for (const double error : {0.0, 0.02, 0.1, 0.3}) {
    MineConfig config = small_config(n, 2);
    config.error = error;
    const StoppingRule rule(config);
    double wrong = 0, drawn = 0, all = 0;
    for (unsigned bits = 0; bits < (1u << n); ++bits) {
      const int c = std::popcount(bits);
      const double chance = chance_of(n, c);
      const Stop stop = stop_of(rule, bits);
      wrong += chance * (rule.class_at(stop.drawn, stop.correct).value() != difficulty_class(config, n, c));
      drawn += chance * stop.drawn;
      all += chance;
    }
    EXPECT_NEAR(all, 1, 1e-12);
    EXPECT_LE(wrong, error);
    if (error > 0) {
      EXPECT_GT(wrong, 0);
      EXPECT_LT(drawn, drawn_before);
    }
    drawn_before = drawn;
  }
}

TEST(Difficulty, AnAllowedErrorWithManySamples) {
  MineConfig config = small_config(10000, 8);
  config.error = 0.05;
  EXPECT_EQ(StoppingRule(config).class_at(200, 120), "easier");  // .6 ± .035, far from .45 and .8
  EXPECT_EQ(StoppingRule(config).class_at(200, 90), std::nullopt);
  EXPECT_EQ(StoppingRule(config).class_at(200, 200), "solved");
  EXPECT_EQ(StoppingRule(config).class_at(5000, 0), std::nullopt);  // of as many again one may be correct
}

TEST(MinedPassAtK, UnbiasedOverAllOutcomes) {
  constexpr int n = 11;
  for (const auto& [hard_max, error] : {std::pair(0, 0.0), {1, 0.0}, {0, 0.1}}) {
    for (const int chunk : {1, 2, 4}) {
      MineConfig config = small_config(n, chunk, hard_max);
      config.error = error;
      const StoppingRule rule(config);
      for (const double p : {0.1, 0.35, 0.8}) {
        for (const int k : {1, 2, 5, 8}) {
          double mean = 0, naive = 0;
          std::map<std::pair<int, int>, double> estimates;  // by where mining stops
          for (unsigned bits = 0; bits < (1u << n); ++bits) {
            const int c = std::popcount(bits);
            const double chance = std::pow(p, c) * std::pow(1 - p, n - c);
            const Stop stop = stop_of(rule, bits);
            const auto [estimate, fresh] = estimates.emplace(std::pair(stop.drawn, stop.correct), 0.0);
            if (fresh) estimate->second = rule.pass_at_k(stop.drawn, stop.correct, k).value();
            mean += chance * estimate->second;
            naive += chance * stop.correct / stop.drawn;
          }
          EXPECT_NEAR(mean, 1 - std::pow(1 - p, k), 1e-12) << "chunk " << chunk << ", p " << p << ", k " << k;
          // The plain rate is off by far more than rounding: early stopping does bias it.
          if (k == 1 && chunk == 1 && hard_max == 0) {
            EXPECT_GT(std::abs(naive - p), 1e-3) << p;
          }
        }
      }
    }
  }
}

TEST(MinedPassAtK, IsTheUsualEstimatorWithoutEarlyStopping) {
  MineConfig config = small_config(200, 8);
  config.adaptive = false;
  for (const int c : {0, 1, 7, 199, 200}) {
    for (const int k : {1, 8, 32, 200}) {
      EXPECT_NEAR(StoppingRule(config).pass_at_k(200, c, k).value(), pass_at_k(200, c, k), 1e-12)
          << c << " " << k;
    }
  }
}

TEST(MinedPassAtK, OfManySamples) {
  const MineConfig config = small_config(10000, 5000);
  EXPECT_EQ(StoppingRule(config).pass_at_k(10000, 0, 8), 0.0);
  MineConfig fixed = config;
  fixed.adaptive = false;
  EXPECT_NEAR(StoppingRule(fixed).pass_at_k(10000, 30, 1).value(), 0.003, 1e-12);
}

TEST(MinedPassAtK, EdgesAndErrors) {
  const MineConfig config = small_config(12, 4);
  EXPECT_EQ(StoppingRule(config).pass_at_k(12, 0, 12), 0.0);
  EXPECT_EQ(StoppingRule(config).pass_at_k(12, 0, 13), std::nullopt);
  EXPECT_THROW(StoppingRule(config).pass_at_k(4, 0, 1), Error);   // not settled there
  EXPECT_THROW(StoppingRule(config).pass_at_k(13, 0, 1), Error);  // more than there are
  const StoppingRule asked_again(config);
  for (int i = 0; i < 2; ++i) EXPECT_THROW(asked_again.pass_at_k(4, 0, 1), Error);
  EXPECT_THROW(StoppingRule(config).pass_at_k(11, 10, 1), Error);  // no chunk ends there
  // hard_max 3 of 4: 8 failures of 8 are needed to settle "hard" when n = 11, so 9 failing samples are never
  // drawn.
  EXPECT_TRUE(StoppingRule(small_config(11, 4, 3)).pass_at_k(8, 0, 8).has_value());
  EXPECT_EQ(StoppingRule(small_config(11, 4, 3)).pass_at_k(8, 0, 9), std::nullopt);
}

TEST(PutAside, DependsOnTheIdAlone) {
  MineConfig config;
  config.heldout = 0.25;
  std::vector<std::string> ids;
  for (int i = 0; i < 4000; ++i) ids.push_back("p" + std::to_string(i));
  const std::set<std::string> all = put_aside(config, ids),
                              half = put_aside(config, {ids.begin(), ids.begin() + 2000});
  EXPECT_NEAR(all.size(), 1000, 5 * std::sqrt(4000 * 0.25 * 0.75));  // 5 standard deviations
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(half.contains(ids[i]), all.contains(ids[i])) << i;
  // A larger part holds the smaller one.
  config.heldout = 0.5;
  const std::set<std::string> more = put_aside(config, ids);
  EXPECT_TRUE(std::includes(more.begin(), more.end(), all.begin(), all.end()));
  config.heldout = 0;
  EXPECT_TRUE(put_aside(config, ids).empty());
}

TEST(PutAside, LeavesOneToTrainOn) {
  MineConfig config;
  config.heldout = 0.999;
  EXPECT_TRUE(put_aside(config, {"only"}).empty());
  EXPECT_TRUE(put_aside(config, {}).empty());
  EXPECT_EQ(put_aside(config, {"a", "b", "c"}).size(), 2u);
  EXPECT_EQ(put_aside(config, {"c", "b", "a"}), put_aside(config, {"a", "b", "c"}));
}

}  // namespace
}  // namespace pope
