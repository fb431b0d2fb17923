// What a claim compares, read from runs that are written by hand.
#include "reproduce/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "core/temp_dir.h"
#include "reproduce/fake_runs.h"

namespace pope {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Measure, WindowsOfTraining) {
  TempDir dir;
  const Runs runs{dir.path(), {1}};
  std::vector<Json> rows;
  for (int step = 0; step <= 20; ++step) {
    rows.push_back({{"step", step}, {"reward/unguided", step}});
    if (step % 10 == 0) rows.back()["eval/hard/unguided/pass@8"] = step * 0.01;
  }
  write_jsonl(dir / "base-1/rl-1/a/metrics.jsonl", rows);
  EXPECT_THAT(error_of([&] {
                measure(runs, 1, {"a", "reward/unguided", "all", {"a"}});
              }),
              HasSubstr("is no complete run"));
  write_file(dir / "base-1/rl-1/a/result.json", "{}");
  const auto value = [&](const std::string& metric, const std::string& window) {
    return measure(runs, 1, {"a", metric, window, {"a"}})->value;
  };
  EXPECT_EQ(value("reward/unguided", "start"), 1.5);    // steps 1, 2
  EXPECT_EQ(value("reward/unguided", "early"), 5.5);    // 4 … 7
  EXPECT_EQ(value("reward/unguided", "middle"), 10.5);  // 9 … 12
  EXPECT_EQ(value("reward/unguided", "late"), 18.5);    // 17 … 20
  EXPECT_EQ(value("reward/unguided", "all"), 10.5);
  EXPECT_EQ(value("eval/hard/unguided/pass@8", "late"), 0.2);
  EXPECT_FALSE(measure(runs, 1, {"a", "no/such", "all", {"a"}}));
}

TEST(Measure, FinalEvaluation) {
  TempDir dir;
  const Runs runs{dir.path(), {1}};
  write_file(dir / "base-1/rl-1/eval-a/result.json",
             R"({"sets": [{"set": "hard", "guided": true, "samples": 4, "ids": ["p"], "correct": [4]},
                          {"set": "hard", "guided": false, "samples": 4, "ids": ["p", "q"], "correct": [1, 0]}]})");
  const auto measured = measure(runs, 1, {"a", "final/hard/unguided/pass@2", "", {"a"}});
  ASSERT_TRUE(measured);
  EXPECT_DOUBLE_EQ(measured->value, 0.25);  // of 1 − C(3,2)/C(4,2) and 0
  EXPECT_EQ(measured->problems, 2);
  EXPECT_FALSE(measure(runs, 1, {"a", "final/heldout/unguided/pass@2", "", {"a"}}));
  EXPECT_FALSE(measure(runs, 1, {"a", "final/hard/unguided/pass@8", "", {"a"}}));  // more than its samples
  EXPECT_THAT(error_of([&] {
                measure(runs, 1, {"a", "final/hard/pass@2", "", {"a"}});
              }),
              HasSubstr("expected"));
}

TEST(Measure, OverlapAboveChance) {
  TempDir dir;
  const Runs runs{dir.path(), {1}};
  write_file(dir / "base-1/rl-1/eval-a/result.json",
             R"({"sets": [{"set": "hard", "guided": false, "samples": 4, "ids": ["p", "q"], "correct": [1, 0],
                           "overlap": {"steps": {"value": 0.5, "chance": 0.25, "values": [0.5, 0.0]}}}]})");
  const auto measured = measure(runs, 1, {"a", "final/hard/unguided/overlap/steps", "", {"a"}});
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->value, 0.25);
  EXPECT_FALSE(measure(runs, 1, {"a", "final/hard/unguided/overlap/ngrams", "", {"a"}}));
}

// Two hard rollouts between rows; the mean of three is at least 0.5 from the 12th on: 0.2, 0.5, 0.8.
TEST(Measure, RolloutsUntilALevelIsReached) {
  TempDir dir;
  const Runs runs{dir.path(), {1}};
  std::vector<Json> rows;
  const double values[] = {0, 0.9, 0, 0, 0.2, 0.5, 0.8, 0.1};
  for (int i = 0; i < 8; ++i) rows.push_back({{"step", 5 * i}, {"rollouts/hard", 2 * i}, {"r", values[i]}});
  rows[0].erase("rollouts/hard");                         // the base model's evaluation
  rows.push_back({{"step", 40}, {"rollouts/hard", 15}});  // not evaluated
  write_jsonl(dir / "base-1/rl-1/a-1/metrics.jsonl", rows);
  write_file(dir / "base-1/rl-1/a-1/result.json", "{}");
  const auto reached = [&](const std::string& metric) {
    return measure(runs, 1, {"a", metric, "", {"a-1"}})->value;
  };
  EXPECT_EQ(reached("reach/0.5/r"), 12);
  EXPECT_EQ(reached("reach/0.3/r"), 4);    // 0, 0.9, 0
  EXPECT_EQ(reached("reach/0.51/r"), 15);  // never: all
  EXPECT_FALSE(measure(runs, 1, {"a", "reach/0.5/s", "", {"a-1"}}));
  // Runs that do not count their rollouts cannot say it.
  write_jsonl(dir / "base-1/rl-1/old-1/metrics.jsonl", {{{"step", 1}, {"r", 1}}});
  write_file(dir / "base-1/rl-1/old-1/result.json", "{}");
  EXPECT_FALSE(measure(runs, 1, {"old", "reach/0.5/r", "", {"old-1"}}));
  // Several runs: their mean, and each apart; with the same number of rollouts in all.
  rows.clear();
  for (int i = 1; i <= 3; ++i) rows.push_back({{"step", i}, {"rollouts/hard", i}, {"r", 1}});
  write_jsonl(dir / "base-1/rl-1/a-2/metrics.jsonl", rows);
  write_file(dir / "base-1/rl-1/a-2/result.json", "{}");
  EXPECT_THAT(error_of([&] {
                measure(runs, 1, {"a", "reach/0.5/r", "", {"a-1", "a-2"}});
              }),
              HasSubstr("different numbers of hard rollouts"));
  rows.push_back({{"step", 4}, {"rollouts/hard", 15}});
  write_jsonl(dir / "base-1/rl-1/a-2/metrics.jsonl", rows);
  write_file(dir / "base-1/rl-1/a-2/result.json", "{}");
  const auto both = measure(runs, 1, {"a", "reach/0.5/r", "", {"a-1", "a-2"}});
  EXPECT_EQ(both->value, 7.5);
  EXPECT_EQ(both->runs, (std::vector<double>{12, 3}));
}

// The arm spent 100 rollouts before training; a step has 10, and from the third on evolutions have added 50.
TEST(Measure, ValueAtATotalOfRollouts) {
  TempDir dir;
  const Runs runs{dir.path(), {1}};
  std::vector<Json> rows = {{{"step", 0}, {"r", 0.1}}};
  for (int step = 1; step <= 6; ++step) {
    rows.push_back({{"step", step}, {"rollouts/total", 10 * step}});
    if (step >= 3) rows.back()["p2o/rollouts"] = 50;
    if (step % 2 == 0) rows.back()["r"] = 0.1 * (step + 1);
  }
  write_jsonl(dir / "base-1/rl-1/a/metrics.jsonl", rows);
  write_file(dir / "base-1/rl-1/a/result.json", "{}");
  const auto at = [&](const std::string& total) {
    return measure(runs, 1, {"a", "at/" + total + "/r", "", {"a"}, false, 100});
  };
  EXPECT_DOUBLE_EQ(at("189")->value, 0.3);  // 120 after step 2, 190 after step 4
  EXPECT_DOUBLE_EQ(at("190")->value, 0.5);
  EXPECT_DOUBLE_EQ(at("100")->value, 0.1);  // before the first step
  EXPECT_FALSE(at("99"));
  EXPECT_DOUBLE_EQ(at("221")->value, 0.7);  // it has 210, more than 95 %
  EXPECT_FALSE(at("222"));
  EXPECT_FALSE(measure(runs, 1, {"a", "at/100/s", "", {"a"}, false, 100}));
  EXPECT_THAT(error_of([] { check_metric("claim 1", "at/many/r"); }), HasSubstr("expected a number"));
  EXPECT_THAT(error_of([] { check_metric("claim 1", "at/5"); }), HasSubstr("expected at/X/KEY"));
}

// Means of three: 0.1, 0.3, 0.5, 0.4, 0.2.
TEST(Measure, HowFarTheEndIsBelowTheBest) {
  TempDir dir;
  const Runs runs{dir.path(), {1}};
  write_training(runs.rl(1, 1) / "a", "r", {0, 0, 0.3, 0.6, 0.6, 0, 0});
  EXPECT_NEAR(measure(runs, 1, {"a", "drop/r", "", {"a"}})->value, 0.3, 1e-12);
  write_training(runs.rl(1, 1) / "b", "r", {0, 0.1, 0.2, 0.3});
  EXPECT_EQ(measure(runs, 1, {"b", "drop/r", "", {"b"}})->value, 0);
  write_training(runs.rl(1, 1) / "c", "r", {0, 0.1});
  EXPECT_FALSE(measure(runs, 1, {"c", "drop/r", "", {"c"}}));
  EXPECT_THAT(error_of([] { check_metric("claim 1", "drop/"); }), HasSubstr("expected drop/KEY"));
  EXPECT_FALSE(is_fraction("drop/eval/hard/unguided/pass@1"));
  EXPECT_TRUE(is_fraction("at/100/eval/hard/unguided/pass@1"));
}

TEST(Measure, MeanOfTheRlSeedsOfABase) {
  TempDir dir;
  const Runs runs{dir.path(), {1, 2}, 3};
  const Term all{"a", "reward/unguided", "all", {"a"}, true}, first{"a", "reward/unguided", "all", {"a"}};
  for (int seed = 1; seed <= 2; ++seed)
    write_training(runs.rl(2, seed) / "a", "reward/unguided", {0, 0.25 * seed, 0.25 * seed});
  EXPECT_TRUE(complete(runs, 2, first));
  EXPECT_FALSE(complete(runs, 2, all));
  EXPECT_THAT(error_of([&] { measure(runs, 2, all); }), HasSubstr("base-2/rl-3/a is no complete run"));
  write_training(runs.rl(2, 3) / "a", "reward/unguided", {0, 1.5});
  EXPECT_TRUE(complete(runs, 2, all));
  EXPECT_THAT(measure(runs, 2, all)->runs, ElementsAre(0.25, 0.5, 1.5));
  EXPECT_EQ(measure(runs, 2, all)->value, 0.75);
  EXPECT_EQ(measure(runs, 2, first)->value, 0.25);
  EXPECT_FALSE(complete(runs, 1, first));
}

// Seed by seed, and in each the repeats.
TEST(Measure, RepeatsWithinAnRlSeed) {
  TempDir dir;
  const Runs runs{dir.path(), {1}, 2};
  const Term term{"a", "final/hard/unguided/pass@1", "", {"a-1", "a-2"}, true};
  for (int seed = 1; seed <= 2; ++seed) {
    for (int i = 1; i <= 2; ++i)
      write_evaluation(runs.rl(1, seed) / fmt::format("eval-a-{}", i), 2 * (seed - 1) + i);
  }
  EXPECT_THAT(measure(runs, 1, term)->runs, ElementsAre(0.125, 0.25, 0.375, 0.5));
  EXPECT_EQ(measure(runs, 1, term)->value, 0.3125);
}

TEST(Measure, WhichMetricsAreFractions) {
  for (const char* metric :
       {"final/hard/unguided/pass@8", "eval/hard/guided/pass@1", "reward/easy", "solvable/guided"})
    EXPECT_TRUE(is_fraction(metric)) << metric;
  for (const char* metric :
       {"entropy/unguided", "reach/0.5/eval/hard/unguided/pass@1", "final/hard/unguided/overlap/steps"})
    EXPECT_FALSE(is_fraction(metric)) << metric;
}

}  // namespace
}  // namespace pope
