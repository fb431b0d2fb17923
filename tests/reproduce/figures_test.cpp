// The points of charts, by hand.
#include "reproduce/figures.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

void write_run(const std::filesystem::path& run, const std::vector<double>& y) {
  std::vector<Json> rows;
  for (std::size_t i = 0; i < y.size(); ++i)
    rows.push_back({{"step", i}, {"rollouts/hard", 25 * i}, {"x", 10 * y[i]}, {"reward/unguided", y[i]}});
  write_jsonl(run / "metrics.jsonl", rows);
  write_file(run / "result.json", "{}");
}

Json points(const TempDir& dir, const std::string& x, const std::vector<std::uint64_t>& bases = {1, 2}) {
  Plan plan;
  plan.arms["a"] = {"a", "Arm", {"a-1", "a-2"}, true};
  Study study{
      "s", "S", {}, {{"T", x, "reward/unguided", {{"a", "reward/unguided", "", {"a-1", "a-2"}, true}}}}};
  return figures_of(plan, {study}, {dir.path(), bases, 1});
}

TEST(Figures, MeanAndRangeOverBases) {
  TempDir dir;
  write_run(dir / "base-1/rl-1/a-1", {0, 0.5, 1});
  write_run(dir / "base-1/rl-1/a-2", {0.5, 0, 0.25, 1});  // its last step is not the other's
  write_run(dir / "base-2/rl-1/a-1", {0.25, 0.75, 0});
  write_run(dir / "base-2/rl-1/a-2", {0.75, 0.75, 0.25});
  write_run(dir / "base-3/rl-1/a-1", {1, 1, 1});  // its other run is not there
  Json figure = points(dir, "", {1, 2, 3}).at(0);
  EXPECT_EQ(figure["title"], "T");
  EXPECT_EQ(figure["percent"], true);
  Json series = figure["series"][0];
  EXPECT_EQ(series["name"], "Arm");
  EXPECT_EQ(series["bases"], 2);
  EXPECT_EQ(series["x"], Json({0, 1, 2}));
  EXPECT_EQ(series["mean"], Json({0.375, 0.5, 0.375}));
  EXPECT_EQ(series["low"], Json({0.25, 0.25, 0.125}));  // of the bases' means, not of runs
  EXPECT_EQ(series["high"], Json({0.5, 0.75, 0.625}));
  // Against another metric: the means of both, no range.
  series = points(dir, "x", {1}).at(0)["series"][0];
  EXPECT_EQ(series["x"], Json({2.5, 2.5, 6.25}));
  EXPECT_EQ(points(dir, "x").at(0)["series"][0]["high"], points(dir, "x").at(0)["series"][0]["mean"]);
  // Against rollouts with the range, since they are the same in every run.
  EXPECT_EQ(points(dir, "rollouts/hard").at(0)["series"][0]["x"], Json({0, 25, 50}));
  EXPECT_EQ(points(dir, "rollouts/hard").at(0)["series"][0]["low"], Json({0.25, 0.25, 0.125}));
  EXPECT_TRUE(points(dir, "no/such").empty());
}

TEST(Figures, ManyRowsAreAveraged) {
  TempDir dir;
  std::vector<double> y;
  for (int i = 0; i < 60; ++i) y.push_back(i);
  write_run(dir / "base-1/rl-1/a-1", y);
  write_run(dir / "base-1/rl-1/a-2", y);
  const Json series = points(dir, "", {1}).at(0)["series"][0];
  ASSERT_EQ(series["x"].size(), 30u);
  EXPECT_EQ(series["x"][0], 0.5);
  EXPECT_EQ(series["mean"][29], 58.5);
}

}  // namespace
}  // namespace pope
