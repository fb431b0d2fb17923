// RNG streams: published SplitMix64 values, independence of order, moments, permutations.
#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"

namespace pope {
namespace {

TEST(Rng, GivesThePublishedSplitMix64Sequence) {
  // The reference outputs for seed 1234567 that implementations of SplitMix64 are checked with
  // (rosettacode.org).
  RngStream rng(1234567, {});
  for (const std::uint64_t expected : {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                       4593380528125082431u, 16408922859458223821u}) {
    EXPECT_EQ(rng.next(), expected);
  }
}

TEST(Rng, StreamsDoNotDependOnTheOrderOfUse) {
  RngStream a(7, {key_of("rollout"), 1}), b(7, {key_of("rollout"), 2});
  std::vector<std::uint64_t> interleaved_a, interleaved_b;
  for (int i = 0; i < 5; ++i) {
    interleaved_a.push_back(a.next());
    interleaved_b.push_back(b.next());
  }
  RngStream later_b(7, {key_of("rollout"), 2}), later_a(7, {key_of("rollout"), 1});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(later_b.next(), interleaved_b[static_cast<std::size_t>(i)]);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(later_a.next(), interleaved_a[static_cast<std::size_t>(i)]);
}

TEST(Rng, DifferentPathsAreDifferentStreams) {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    firsts.insert(RngStream(seed, {}).next());
    for (std::uint64_t key = 0; key < 20; ++key) {
      firsts.insert(RngStream(seed, {key}).next());
      firsts.insert(RngStream(seed, {key, 3}).next());
      firsts.insert(RngStream(seed, {100, key}).next());
    }
  }
  EXPECT_EQ(firsts.size(), 20u * 61u);
}

TEST(Rng, UniformAndNormalHaveTheirMoments) {
  RngStream rng(11, {5});
  constexpr int kCount = 200000;
  double uniform_sum = 0, normal_sum = 0, normal_squares = 0, within_one = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform_sum += u;
    const double z = rng.normal();
    normal_sum += z;
    normal_squares += z * z;
    within_one += std::abs(z) < 1 ? 1 : 0;
  }
  // Four standard errors each: 0.289/√n, 1/√n, √2/√n, 0.466/√n.
  const double root = std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(uniform_sum / kCount, 0.5, 4 * 0.289 / root);
  EXPECT_NEAR(normal_sum / kCount, 0.0, 4 / root);
  EXPECT_NEAR(normal_squares / kCount, 1.0, 4 * std::sqrt(2.0) / root);
  EXPECT_NEAR(within_one / kCount, 0.682689, 4 * 0.466 / root);
}

TEST(Rng, BelowIsUniformAndInRange) {
  RngStream rng(3, {});
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts.at(rng.below(7));
  // Chi-squared with 6 degrees of freedom: 22.5 has p = 0.001.
  double chi = 0;
  for (const int c : counts) chi += (c - 10000.0) * (c - 10000.0) / 10000.0;
  EXPECT_LT(chi, 22.5);
  EXPECT_EQ(rng.below(1), 0u);
  EXPECT_THROW(rng.below(0), Error);
}

TEST(Rng, BelowIsUnbiasedForHugeBounds) {
  // With bound 3·2^62, "bits % bound" would give values below 2^62 half of the time instead of a third.
  const std::uint64_t bound = std::uint64_t{3} << 62;
  RngStream rng(5, {});
  int low = 0;
  for (int i = 0; i < 9000; ++i) {
    const std::uint64_t value = rng.below(bound);
    ASSERT_LT(value, bound);
    low += value < (std::uint64_t{1} << 62) ? 1 : 0;
  }
  EXPECT_NEAR(low, 3000, 4 * std::sqrt(9000 * 2.0 / 9));
}

TEST(Rng, PermutationsOfThreeAreEquallyLikely) {
  RngStream rng(17, {key_of("shuffle")});
  std::map<std::vector<std::size_t>, int> counts;
  for (int i = 0; i < 12000; ++i) ++counts[rng.permutation(3)];
  ASSERT_EQ(counts.size(), 6u);
  double chi = 0;
  for (const auto& [order, count] : counts) chi += (count - 2000.0) * (count - 2000.0) / 2000.0;
  EXPECT_LT(chi, 20.5);  // 5 degrees of freedom, p = 0.001
  EXPECT_TRUE(rng.permutation(0).empty());
  std::vector<std::size_t> big = rng.permutation(1000);
  EXPECT_FALSE(std::is_sorted(big.begin(), big.end()));
  std::sort(big.begin(), big.end());
  for (std::size_t i = 0; i < big.size(); ++i) ASSERT_EQ(big[i], i);
}

TEST(Rng, KeysOfNamesDiffer) {
  EXPECT_NE(key_of("a"), key_of("b"));
  EXPECT_NE(key_of(""), key_of(std::string_view("\0", 1)));
  EXPECT_NE(key_of("ab"), key_of("ba"));
}

}  // namespace
}  // namespace pope
