// Nearest words: how near is near, and what a hint says.
#include "core/nearest.h"

#include <gtest/gtest.h>

namespace pope {
namespace {

TEST(Nearest, OnlyWhatIsNear) {
  const std::vector<std::string> known = {"train", "eval", "temperature", "batch_size"};
  EXPECT_EQ(edit_distance("trian", "train"), 2u);
  EXPECT_EQ(nearest_of("trian", known), "train");
  EXPECT_EQ(nearest_of("evals", known), "eval");
  EXPECT_EQ(nearest_of("temprature", known), "temperature");
  EXPECT_EQ(nearest_of("top_p", known), "");  // 5 edits from eval
  EXPECT_EQ(nearest_of("", known), "");
  EXPECT_EQ(nearest_of("x", {}), "");
  EXPECT_EQ(nearest_of("ab", {"ac", "aa"}), "ac");  // the earlier one
}

TEST(Nearest, TheHintNamesTheNearOneOrAll) {
  EXPECT_EQ(did_you_mean("evl", {"train", "eval"}), "did you mean 'eval'?");
  EXPECT_EQ(did_you_mean("report", {"train", "eval", "mine"}), "known: train, eval and mine");
  EXPECT_EQ(did_you_mean("x", {}), "");
  EXPECT_EQ(listed({"a", "b", "c"}, "or"), "a, b or c");
  EXPECT_EQ(listed({"a"}), "a");
}

}  // namespace
}  // namespace pope
