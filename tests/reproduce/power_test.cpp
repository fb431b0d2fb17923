// The t interval and its power, against hand-made and published numbers.
#include "reproduce/power.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace pope {
namespace {

TEST(StudentInterval, ByHand) {
  // 1, 2, 3: mean 2, s = 1, t_2 = 4.303: 2 ± 4.303/√3.
  const Interval interval = student_interval({1, 2, 3});
  EXPECT_NEAR(interval.low, 2 - 2.48434, 1e-5);
  EXPECT_NEAR(interval.high, 2 + 2.48434, 1e-5);
  EXPECT_THROW(student_interval({1}), Error);
}

TEST(StudentInterval, ManyValues) {
  // 21 zeros and 21 ones: s/√n = √(0.25·42/41/42), t_41 = 2.0195.
  std::vector<double> values(42, 0);
  std::fill(values.begin(), values.begin() + 21, 1);
  EXPECT_NEAR(student_interval(values).high - 0.5, 2.0195 * std::sqrt(0.25 / 41), 2e-4);
}

// The one-sample t test with n = 10 and an effect of one standard deviation has the tabled power .803. The
// others are counts over 400,000 simulated experiments each (numbers drawn from a normal distribution, their
// interval held against the bound), with a standard error of at most 0.0008; the tolerance is four of them.
TEST(Power, OfOneSidedBounds) {
  constexpr double kTolerance = 0.0032;
  EXPECT_NEAR(power_of(Side::above, 0, 1, 1, 10), 0.803, kTolerance);
  EXPECT_NEAR(power_of(Side::above, 0, 2, 1, 5), 0.90893, kTolerance);
  EXPECT_NEAR(power_of(Side::above, 0, 1, 1, 5), 0.40255, kTolerance);
  EXPECT_NEAR(power_of(Side::above, 0, 3, 1, 3), 0.74528, kTolerance);
  // Only the distance from the bound in standard deviations counts, and the side.
  EXPECT_NEAR(power_of(Side::above, 0.1, 0.5, 0.2, 5), power_of(Side::above, 0, 2, 1, 5), 1e-9);
  EXPECT_NEAR(power_of(Side::below, 0, -2, 1, 5), power_of(Side::above, 0, 2, 1, 5), 1e-12);
  // At the bound: a 95 % interval is above it in one of forty (the quantiles have three decimals).
  EXPECT_NEAR(power_of(Side::above, 0.3, 0.3, 0.2, 5), 0.025, 5e-5);
  EXPECT_NEAR(power_of(Side::above, 0.3, 0.3, 0.2, 3), 0.025, 5e-5);
  EXPECT_NEAR(power_of(Side::above, 0, 30, 1, 40), 1, 1e-9);
  // Two values: one degree of freedom, whose spread may be near 0.
  EXPECT_NEAR(power_of(Side::above, 0, 0, 1, 2), 0.025, 5e-5);
}

TEST(Power, OfEquivalence) {
  EXPECT_NEAR(power_of(Side::within, 2, 0, 1, 5), 0.82870, 0.0032);
  EXPECT_NEAR(power_of(Side::within, 1.5, 0.5, 1, 8), 0.67740, 0.0032);
  EXPECT_NEAR(power_of(Side::within, 1.5, -0.5, 1, 8), power_of(Side::within, 1.5, 0.5, 1, 8), 1e-9);
}

TEST(Power, OfAClaimThatSaysWhatItExpects) {
  Claim claim;
  EXPECT_FALSE(power_of(claim, 5));
  claim.expect = 0.2;
  EXPECT_FALSE(power_of(claim, 5));
  claim.noise = 0.1;
  EXPECT_NEAR(power_of(claim, 5).value(), 0.90893, 0.0032);
  EXPECT_FALSE(power_of(claim, 2));  // decides nothing
  claim.untestable = "reason";
  EXPECT_FALSE(power_of(claim, 5));
}

}  // namespace
}  // namespace pope
