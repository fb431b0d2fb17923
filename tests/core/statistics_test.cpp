// pass@k against enumeration of all subsets and against exact integers; the bootstrap against theory.
#include "core/statistics.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/rng.h"

namespace pope {
namespace {

// The share of k-subsets of n samples (the first c correct) that hold a correct one.
double pass_by_enumeration(int n, int c, int k) {
  const unsigned correct = (1u << c) - 1;
  int subsets = 0, passing = 0;
  for (unsigned subset = 0; subset < (1u << n); ++subset) {
    if (std::popcount(subset) != k) continue;
    ++subsets;
    passing += (subset & correct) != 0 ? 1 : 0;
  }
  return static_cast<double>(passing) / subsets;
}

TEST(PassAtK, EqualsEnumerationOfAllSubsets) {
  for (int n = 1; n <= 10; ++n) {
    for (int c = 0; c <= n; ++c) {
      for (int k = 1; k <= n; ++k) {
        EXPECT_NEAR(pass_at_k(n, c, k), pass_by_enumeration(n, c, k), 1e-14) << n << " " << c << " " << k;
      }
    }
  }
}

TEST(PassAtK, StaysExactForLargeN) {
  // 1 − C(9999, 32)/C(10000, 32) = 32/10000; C(10000, 32) itself overflows a double's exactness by far.
  EXPECT_NEAR(pass_at_k(10000, 1, 32), 0.0032, 1e-16);
  // Two correct: 1 − (9968·9967)/(10000·9999).
  EXPECT_NEAR(pass_at_k(10000, 2, 32), 1 - (9968.0 * 9967.0) / (10000.0 * 9999.0), 1e-15);
  EXPECT_DOUBLE_EQ(pass_at_k(10000, 37, 1), 0.0037);
  EXPECT_EQ(pass_at_k(10000, 1, 10000), 1.0);
  EXPECT_EQ(pass_at_k(10000, 0, 10000), 0.0);
  // Both ways of writing the product, at a size where either has thousands of terms.
  double log_none = 0;
  for (int j = 0; j < 3000; ++j) log_none += std::log((10000.0 - 4000 - j) / (10000.0 - j));
  EXPECT_NEAR(pass_at_k(10000, 4000, 3000), -std::expm1(log_none), 1e-12);
}

TEST(PassAtK, RefusesWhatIsOutOfBounds) {
  EXPECT_THROW(pass_at_k(8, -1, 1), Error);
  EXPECT_THROW(pass_at_k(8, 9, 1), Error);
  EXPECT_THROW(pass_at_k(8, 2, 0), Error);
  EXPECT_THROW(pass_at_k(8, 2, 9), Error);
  EXPECT_THROW(pass_at_k(0, 0, 1), Error);
}

TEST(BootstrapMean, CoversTwoValuesExactly) {
  // The mean of two draws from {0, 1} is 0, ½, 1 with probabilities ¼, ½, ¼: the 95 % limits are 0 and 1, and
  // the 40 % limits both lie on ½.
  const std::vector<double> values = {0, 1};
  const Interval wide = bootstrap_mean(values, 0.95, 2000, 4);
  EXPECT_EQ(wide.value, 0.5);
  EXPECT_EQ(wide.low, 0.0);
  EXPECT_EQ(wide.high, 1.0);
  const Interval narrow = bootstrap_mean(values, 0.40, 2000, 4);
  EXPECT_EQ(narrow.low, 0.5);
  EXPECT_EQ(narrow.high, 0.5);
}

TEST(BootstrapMean, MatchesTheNormalLimitsOnManyValues) {
  std::vector<double> values;
  RngStream rng(2, {});
  for (int i = 0; i < 400; ++i) values.push_back(rng.uniform() < 0.3 ? 1 : 0);
  double mean = 0;
  for (const double v : values) mean += v / 400;
  const double error = std::sqrt(mean * (1 - mean) / 400);
  const Interval interval = bootstrap_mean(values, 0.95, 4000, 9);
  EXPECT_NEAR(interval.value, mean, 1e-12);
  // The limits are themselves estimates from 4000 resamples: within a tenth of their distance from the mean.
  EXPECT_NEAR(interval.low, mean - 1.96 * error, 0.2 * error);
  EXPECT_NEAR(interval.high, mean + 1.96 * error, 0.2 * error);
}

TEST(BootstrapMean, IsDeterministicInItsSeed) {
  const std::vector<double> values = {0.1, 0.7, 0.2, 0.9, 0.4};
  const Interval a = bootstrap_mean(values, 0.9, 500, 3), b = bootstrap_mean(values, 0.9, 500, 3);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  const Interval other = bootstrap_mean(values, 0.9, 500, 4);
  EXPECT_TRUE(other.low != a.low || other.high != a.high);
}

TEST(BootstrapMean, HandlesOneValueAndRefusesNone) {
  const std::vector<double> one = {0.25};
  const Interval interval = bootstrap_mean(one);
  EXPECT_EQ(interval.value, 0.25);
  EXPECT_EQ(interval.low, 0.25);
  EXPECT_EQ(interval.high, 0.25);
  EXPECT_THROW(bootstrap_mean({}), Error);
  EXPECT_THROW(bootstrap_mean(one, 1.0), Error);
}

TEST(BootstrapRate, AgreementHasTheExactBinomialBound) {
  // 10 problems, none solved: 1 − 0.025^(1/10) = 0.308497 (Clopper–Pearson for 0 of 10 at 95 %).
  const Interval none = bootstrap_rate(std::vector<double>(10, 0.0));
  EXPECT_EQ(none.low, 0.0);
  EXPECT_NEAR(none.high, 0.308497, 1e-6);
  const Interval all = bootstrap_rate(std::vector<double>(10, 1.0));
  EXPECT_NEAR(all.low, 0.691503, 1e-6);
  EXPECT_EQ(all.high, 1.0);
  EXPECT_EQ(all.value, 1.0);
}

TEST(BootstrapRate, OtherwiseIsTheBootstrap) {
  const std::vector<double> rates = {0, 0.25, 1, 0.5};
  const Interval a = bootstrap_rate(rates), b = bootstrap_mean(rates);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  const std::vector<double> equal(6, 0.5);  // agreement away from the ends is not special
  EXPECT_EQ(bootstrap_rate(equal).high, 0.5);
}

TEST(BootstrapRuns, IsWideWhereRunsDifferAndWhereARunIsUncertain) {
  // Runs that agree on every mean are uncertain all the same: their problems are drawn too.
  const std::vector<std::vector<double>> alike = {{0, 1, 0, 1}, {1, 0, 1, 0}};
  const Interval within = bootstrap_runs(alike);
  EXPECT_EQ(within.value, 0.5);
  EXPECT_LT(within.low, 0.3);  // 8 coins: standard error 0.18
  EXPECT_GT(within.low, 0.05);
  // Runs without spread inside: only the drawn runs matter, 0.25, 0.5 or 0.75 of two.
  const Interval between = bootstrap_runs(std::vector<std::vector<double>>{{0.25, 0.25}, {0.75, 0.75, 0.75}});
  EXPECT_EQ(between.value, 0.5);  // each run counts once, however many problems it has
  EXPECT_EQ(between.low, 0.25);
  EXPECT_EQ(between.high, 0.75);
}

TEST(BootstrapRuns, AgreementHasTheBoundOfAllRates) {
  const std::vector<std::vector<double>> none = {std::vector<double>(4, 0.0), std::vector<double>(6, 0.0)};
  EXPECT_EQ(bootstrap_runs(none).low, 0.0);
  EXPECT_NEAR(bootstrap_runs(none).high, 0.308497, 1e-6);  // 0 of 10, as above
  EXPECT_THROW(bootstrap_runs(std::vector<std::vector<double>>{{0.5}, {}}), Error);
}

}  // namespace
}  // namespace pope
