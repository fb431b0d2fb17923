// The grid of learning rates: which runs it makes, and its table.
#include "reproduce/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reproduce/fake_runs.h"

namespace pope {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kArms = R"(
rates: [1.0e-4, 3e-4]
steps: {pool: {verb: problems, out: pool.jsonl}, unused: {verb: sft}}
train: {set: {paths.problems: "@pool", optimizer.lr: 9}}
arms:
  first: {label: First, verb: sft}
  a: {label: Arm A, grid: true, rl_seeds: all, set: {paths.model: "@first/model"}}
  b: {label: Arm B, grid: true, set: {paths.model: "@a/model"}}
)";

std::string setting(const Step& step, const std::string& key) {
  for (const auto& [name, value] : step.settings) {
    if (name == key) return value;
  }
  return "none";
}

Plan plan_of(const TempDir& dir, const std::string& arms) {
  write_file(dir / "plan/arms.yaml", arms);
  return read_plan(dir / "plan");
}

TEST(Rates, OneRunPerArmAndRate) {
  TempDir dir;
  const std::vector<Step> steps = rate_grid(plan_of(dir, kArms));
  std::vector<std::string> names;
  for (const Step& step : steps) names.push_back(step.name);
  EXPECT_THAT(
      names, ElementsAre("pool", "first", "a", "a-lr-1.0e-4", "eval-a-lr-1.0e-4", "a-lr-3e-4",
                         "eval-a-lr-3e-4", "b-lr-1.0e-4", "eval-b-lr-1.0e-4", "b-lr-3e-4", "eval-b-lr-3e-4"));
  const Step& run = steps[5];
  EXPECT_EQ(setting(run, "optimizer.lr"), "3e-4");
  EXPECT_EQ(run.label, "Arm A, lr 3e-4");
  EXPECT_EQ(run.out, "a-lr-3e-4");
  EXPECT_TRUE(run.all_rl);
  EXPECT_EQ(setting(steps[6], "paths.model"), "@a-lr-3e-4/model");
  // What another arm leaves is that of its own run.
  EXPECT_EQ(setting(steps[9], "paths.model"), "@a/model");
  EXPECT_EQ(setting(steps[2], "optimizer.lr"), "9");
}

TEST(Rates, TableAndTheBest) {
  TempDir dir;
  const Plan plan = plan_of(dir, kArms);
  const Runs runs{dir / "out", {1, 2}, 1};
  const auto write = [&](std::uint64_t base, const std::string& run, int p, int q) {
    write_file(runs.rl(base, 1) / run / "result.json",
               fmt::format(R"({{"sets": [{{"set": "hard", "guided": false, "samples": 32, "ids": ["p", "q"],
                               "correct": [{}, {}]}}]}})",
                           p, q));
  };
  write(1, "eval-a-lr-1.0e-4", 16, 0);
  write(2, "eval-a-lr-1.0e-4", 0, 0);
  write(1, "eval-a-lr-3e-4", 24, 16);
  for (const char* run : {"eval-b-lr-1.0e-4", "eval-b-lr-3e-4"}) write(1, run, 4, 0);
  const Json table = rate_table(plan, runs);
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[0]["arm"], "a");
  EXPECT_EQ(table[0]["label"], "Arm A");
  EXPECT_EQ(table[0]["rows"][0]["rate"], "1.0e-4");
  EXPECT_EQ(table[0]["rows"][0]["hard"], 0.125);  // pass@1: the mean of 16/64 and 0
  EXPECT_EQ(table[0]["rows"][0]["bases"], 2);
  EXPECT_EQ(table[0]["rows"][0]["heldout"], Json());  // no such set
  EXPECT_EQ(table[0]["rows"][1]["hard"], 0.625);
  EXPECT_EQ(table[0]["best"], "3e-4");
  EXPECT_EQ(table[1]["rows"][0]["hard"], 0.0625);
  EXPECT_EQ(table[1]["best"], Json());  // of two equal ones none
}

TEST(Rates, Errors) {
  TempDir dir;
  EXPECT_THAT(error_of([&] { rate_grid(plan_of(dir, "arms: {a: {label: A, grid: true}}")); }),
              HasSubstr("expected a grid of learning rates in arms.yaml, found none"));
  EXPECT_THAT(error_of([&] { plan_of(dir, "rates: [high]"); }),
              HasSubstr("expected numbers above 0, got 'high'"));
  EXPECT_THAT(error_of([&] { plan_of(dir, "arms: {a: {label: A, grid: true, repeat: 2}}"); }),
              HasSubstr("arms.a: expected an arm that is trained once and evaluated"));
  write_file(dir / "plan/rates.yaml", "title: t");
  EXPECT_THAT(error_of([&] { plan_of(dir, "steps: {}"); }), HasSubstr("the name is taken"));
}

}  // namespace
}  // namespace pope
