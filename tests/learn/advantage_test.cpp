// Advantages against numbers computed by hand.
#include "learn/advantage.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "learn/pass_k.h"

namespace pope {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;

std::vector<double> of(std::vector<double> rewards, const std::string& kind) {
  return advantages(rewards, kind);
}

TEST(Advantage, Mean) { EXPECT_THAT(of({1, 0, 0, 0}, "mean"), ElementsAre(0.75, -0.25, -0.25, -0.25)); }

TEST(Advantage, MeanStd) {
  // mean 0.25; std with n − 1: sqrt((0.75² + 3 · 0.25²) / 3) = sqrt(0.25) = 0.5
  EXPECT_THAT(of({0, 1, 0, 0}, "mean_std"), ElementsAre(DoubleNear(-0.5, 2e-6), DoubleNear(1.5, 4e-6),
                                                        DoubleNear(-0.5, 2e-6), DoubleNear(-0.5, 2e-6)));
  EXPECT_LT(of({0, 1, 0, 0}, "mean_std")[1], 1.5);  // the 1e-6 in the denominator
}

TEST(Advantage, LeaveOneOut) {
  // The others of a success average 1/4, those of a failure 2/4.
  EXPECT_THAT(of({1, 0, 1, 0, 0}, "leave_one_out"), ElementsAre(0.75, -0.5, 0.75, -0.5, -0.5));
}

TEST(Advantage, LeaveOneOutOverStd) {
  // std with n − 1 of {0, 1, 0, 0} is 0.5; the others of the success average 0, those of a failure 1/3.
  EXPECT_THAT(advantages(std::vector<double>{0, 1, 0, 0}, "leave_one_out_std", 0.25),
              ElementsAre(DoubleNear(-4.0 / 9, 1e-12), DoubleNear(4.0 / 3, 1e-12),
                          DoubleNear(-4.0 / 9, 1e-12), DoubleNear(-4.0 / 9, 1e-12)));
}

TEST(Advantage, NoneIsTheReward) {
  EXPECT_THAT(of({1, 0, 0.5}, "none"), ElementsAre(1, 0, 0.5));
  EXPECT_THAT(of({1, 1}, "none"), ElementsAre(1, 1));
}

TEST(Advantage, NoVarianceGivesExactZeros) {
  for (const char* kind : {"mean", "mean_std", "leave_one_out", "leave_one_out_std"}) {
    // The mean of seven times 0.1 is not 0.1 in floating point.
    EXPECT_THAT(of(std::vector<double>(7, 0.1), kind), Each(0.0)) << kind;
    EXPECT_THAT(of({1, 1, 1}, kind), Each(0.0)) << kind;
  }
}

TEST(Advantage, RefusesWhatIsUndefined) {
  EXPECT_THROW(of({1}, "mean"), Error);
  EXPECT_THROW(of({}, "mean"), Error);
  EXPECT_THROW(of({1, 0}, "median"), Error);
}

TEST(PassK, WeightsByHand) {
  // n = 4, c = 1, k = 2: 2/4, and 2/4 · ρ(3, 1, 1) = 1/2 · 1/3.
  EXPECT_THAT(
      pass_k_weights(std::vector<double>{0, 1, 0, 0}, 2),
      ElementsAre(DoubleNear(1.0 / 6, 1e-15), 0.5, DoubleNear(1.0 / 6, 1e-15), DoubleNear(1.0 / 6, 1e-15)));
  // n = 5, c = 2, k = 3: 3/5, and 3/5 · ρ(4, 2, 2) = 3/5 · (1 − 1/6).
  EXPECT_THAT(pass_k_weights(std::vector<double>{1, 0, 1, 0, 0}, 3),
              ElementsAre(DoubleNear(0.6, 1e-15), DoubleNear(0.5, 1e-15), DoubleNear(0.6, 1e-15),
                          DoubleNear(0.5, 1e-15), DoubleNear(0.5, 1e-15)));
  EXPECT_THAT(pass_k_weights(std::vector<double>{1, 0}, 1), ElementsAre(0.5, 0));  // k = 1: r/n
  EXPECT_THAT(pass_k_weights(std::vector<double>{0, 0, 0}, 2), Each(0.0));
  EXPECT_THAT(pass_k_weights(std::vector<double>{1, 1, 1}, 2), Each(DoubleNear(2.0 / 3, 1e-15)));
  EXPECT_THAT(pass_k_weights(std::vector<double>{1, 0, 0}, 3),
              Each(1.0));  // k = n: one success is all there is
}

// The gradient estimator is unbiased: for a policy that is correct with probability p, its expectation over
// all outcomes of n samples is d/dp (1 − (1 − p)^k) = k(1 − p)^(k−1). ∇log π of a sample is 1/p, or −1/(1 −
// p) of a wrong one.
TEST(PassK, UnbiasedByEnumeration) {
  for (const double p : {0.1, 0.35, 0.8}) {
    for (const int n : {2, 5, 6}) {
      for (int k = 1; k <= n; ++k) {
        double expected = 0;
        for (int outcome = 0; outcome < 1 << n; ++outcome) {
          std::vector<double> rewards;
          double probability = 1;
          for (int i = 0; i < n; ++i) {
            rewards.push_back(outcome >> i & 1);
            probability *= rewards.back() == 1 ? p : 1 - p;
          }
          const std::vector<double> weights = pass_k_weights(rewards, k);
          for (int i = 0; i < n; ++i) {
            expected += probability * weights[i] * (rewards[i] == 1 ? 1 / p : -1 / (1 - p));
          }
        }
        EXPECT_NEAR(expected, k * std::pow(1 - p, k - 1), 1e-12) << p << " " << n << " " << k;
      }
    }
  }
}

TEST(PassK, AsRewardsOfTheGroup) {
  const std::vector<double> rewards = {0, 1, 0, 0};
  // n times the weights: 2 and 2/3, of mean 1.
  EXPECT_THAT(group_advantages({.advantage = "mean", .pass_k = 2}, rewards),
              ElementsAre(DoubleNear(-1.0 / 3, 1e-15), DoubleNear(1, 1e-15), DoubleNear(-1.0 / 3, 1e-15),
                          DoubleNear(-1.0 / 3, 1e-15)));
  EXPECT_EQ(group_advantages({.advantage = "none", .pass_k = 1}, rewards), rewards);
  EXPECT_EQ(group_advantages({.advantage = "mean_std", .advantage_eps = 0.1}, rewards),
            advantages(rewards, "mean_std", 0.1));
}

TEST(PassK, Refuses) {
  EXPECT_THROW(pass_k_weights(std::vector<double>{1, 0}, 3), Error);
  EXPECT_THROW(pass_k_weights(std::vector<double>{1, 0}, 0), Error);
  EXPECT_THROW(pass_k_weights(std::vector<double>{1, 0.5}, 2), Error);
}

}  // namespace
}  // namespace pope
