// Fronts, pruning and cover of a table that can be read at a glance.
#include "evolve/fronts.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

// Means .375, .375, .5. No single candidate is at least as good as the second everywhere; the other two
// together are.
const Scores kThree = {{1, 0, 0, 0.5}, {0, 1, 0, 0.5}, {0, 1, 1, 0}};

TEST(Fronts, HoldEveryBestCandidateOfAnInstance) {
  EXPECT_EQ(instance_fronts(kThree), (Fronts{{0}, {1, 2}, {2}, {0, 1}}));
  EXPECT_EQ(instance_fronts({{0, 0}, {0, 0}}), (Fronts{{0, 1}, {0, 1}}));
}

TEST(Fronts, PruningTakesWhoIsNeededNowhere) {
  EXPECT_EQ(pruned_fronts(kThree), (Fronts{{0}, {2}, {2}, {0}}));
  EXPECT_EQ(front_counts(pruned_fronts(kThree), 3), (std::vector<int>{2, 0, 2}));
}

TEST(Fronts, PruningBeginsWithTheLowestMeanAndAmongEqualsWithTheOldest) {
  EXPECT_EQ(pruned_fronts({{1, 1}, {1, 1}, {1, 1}}), (Fronts{{2}, {2}}));
  // The first two are each needed only as long as the other is gone: the lower one goes.
  EXPECT_EQ(pruned_fronts({{1, 1, 0.5, 0}, {1, 1, 0, 0}, {0, 0, 1, 1}}), (Fronts{{0}, {0}, {2}, {2}}));
  EXPECT_EQ(pruned_fronts({{1, 1, 0, 0}, {1, 1, 0.5, 0}, {0, 0, 1, 1}}), (Fronts{{1}, {1}, {2}, {2}}));
}

TEST(Fronts, TheBestIsTheFirstOfTheLargestMean) {
  EXPECT_EQ(best_candidate({{0, 1}, {1, 1}, {1, 1}, {0, 0}}), 1);
  EXPECT_DOUBLE_EQ(mean_score({0, 1, 0.5}), 0.5);
}

TEST(GreedyCover, TakesWhoAddsMostUntilNobodyAdds) {
  // Solved (above 0): 0 3, 1 3, 1 2.
  EXPECT_EQ(greedy_cover(kThree), (std::vector<int>{0, 2}));
  // The last solves most, the first adds one, and the second nothing that is left.
  EXPECT_EQ(greedy_cover({{0.1, 0, 0, 0, 0}, {0, 1, 1, 0, 0}, {0, 1, 1, 1, 0}}), (std::vector<int>{2, 0}));
  EXPECT_EQ(greedy_cover({{0, 0}}), (std::vector<int>{}));
}

}  // namespace
}  // namespace pope
