// Measurements and verdicts, by hand.
#include "reproduce/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::HasSubstr;

Claim claim_of(double times, bool above, double bound) {
  Claim claim;
  claim.id = "i";
  claim.text = "c";
  claim.left = {"a", "reward/unguided", "all", {"a"}};
  claim.right = {"b", "reward/unguided", "all", {"b"}};
  claim.times = times;
  claim.above = above;
  claim.bound = bound;
  return claim;
}

std::vector<Measurement> values(std::initializer_list<double> list) {
  std::vector<Measurement> out;
  for (const double value : list) out.push_back({value, {}});
  return out;
}

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

TEST(Judge, BySeeds) {
  const auto left = values({0.5, 0.6, 0.7}), right = values({0.1, 0.2, 0.3});
  EXPECT_EQ(judge(claim_of(1, true, 0.3), left, right).text, "held");  // differences 0.4, 0.4, 0.4
  EXPECT_EQ(judge(claim_of(1, true, 0.5), left, right).text, "did not hold");
  EXPECT_EQ(judge(claim_of(1, false, 0.5), left, right).text, "held");
  // 3·right: differences 0.2, 0, −0.2, interval 0 ± 0.497.
  const ClaimVerdict open = judge(claim_of(3, true, 0), left, right);
  EXPECT_EQ(open.text, "not decidable");
  EXPECT_EQ(open.interval, "seeds");
  EXPECT_EQ(open.seeds_for, 1);  // 0.2 is above 0, 0 is not
  EXPECT_NEAR(open.difference.high, 0.4968676, 1e-5);
}

TEST(Judge, FewSeedsByProblems) {
  std::vector<Measurement> left = values({0.75}), right = values({0.25});
  EXPECT_EQ(judge(claim_of(1, true, 0), left, right).text,
            "not decidable");  // nothing to take an interval from
  EXPECT_EQ(judge(claim_of(1, true, 0), left, right).interval, "none");
  for (int i = 0; i < 8; ++i) {
    left[0].by_problem[std::to_string(i)] = i < 6 ? 1 : 0;
    right[0].by_problem[std::to_string(i)] = i < 2 ? 1 : 0;
  }
  const ClaimVerdict verdict = judge(claim_of(1, true, 0), left, right);
  EXPECT_EQ(verdict.interval, "problems");
  EXPECT_EQ(verdict.difference.value, 0.5);
  EXPECT_EQ(verdict.text, "held");
  right[0].by_problem.erase("7");
  right[0].by_problem["8"] = 0;  // other problems: not comparable one by one
  EXPECT_EQ(judge(claim_of(1, true, 0), left, right).interval, "none");
}

TEST(Measure, WindowsOfTraining) {
  TempDir dir;
  std::vector<Json> rows;
  for (int step = 0; step <= 20; ++step) {
    rows.push_back({{"step", step}, {"reward/unguided", step}});
    if (step % 10 == 0) rows.back()["eval/hard/unguided/pass@8"] = step * 0.01;
  }
  write_jsonl(dir / "a/metrics.jsonl", rows);
  EXPECT_THAT(error_of([&] {
                measure(dir.path(), {"a", "reward/unguided", "all", {"a"}});
              }),
              HasSubstr("is no complete run"));
  write_file(dir / "a/result.json", "{}");
  const auto value = [&](const std::string& metric, const std::string& window) {
    return measure(dir.path(), {"a", metric, window, {"a"}})->value;
  };
  EXPECT_EQ(value("reward/unguided", "start"), 1.5);    // steps 1, 2
  EXPECT_EQ(value("reward/unguided", "early"), 5.5);    // 4 … 7
  EXPECT_EQ(value("reward/unguided", "middle"), 10.5);  // 9 … 12
  EXPECT_EQ(value("reward/unguided", "late"), 18.5);    // 17 … 20
  EXPECT_EQ(value("reward/unguided", "all"), 10.5);
  EXPECT_EQ(value("eval/hard/unguided/pass@8", "late"), 0.2);
  EXPECT_FALSE(measure(dir.path(), {"a", "no/such", "all", {"a"}}));
}

TEST(Measure, FinalEvaluation) {
  TempDir dir;
  write_file(dir / "eval-a/result.json",
             R"({"sets": [{"set": "hard", "guided": true, "samples": 4, "ids": ["p"], "correct": [4]},
                          {"set": "hard", "guided": false, "samples": 4, "ids": ["p", "q"], "correct": [1, 0]}]})");
  const auto measured = measure(dir.path(), {"a", "final/hard/unguided/pass@2", "", {"a"}});
  ASSERT_TRUE(measured);
  EXPECT_DOUBLE_EQ(measured->by_problem.at("p"), 0.5);  // 1 − C(3,2)/C(4,2)
  EXPECT_DOUBLE_EQ(measured->value, 0.25);
  EXPECT_FALSE(measure(dir.path(), {"a", "final/heldout/unguided/pass@2", "", {"a"}}));
  EXPECT_FALSE(measure(dir.path(), {"a", "final/hard/unguided/pass@8", "", {"a"}}));  // more than its samples
  EXPECT_THAT(error_of([&] {
                measure(dir.path(), {"a", "final/hard/pass@2", "", {"a"}});
              }),
              HasSubstr("expected"));
}

TEST(Measure, OverlapAboveChance) {
  TempDir dir;
  write_file(dir / "eval-a/result.json",
             R"({"sets": [{"set": "hard", "guided": false, "samples": 4, "ids": ["p", "q"], "correct": [1, 0],
                           "overlap": {"steps": {"value": 0.5, "chance": 0.25, "values": [0.5, 0.0]}}}]})");
  const auto measured = measure(dir.path(), {"a", "final/hard/unguided/overlap/steps", "", {"a"}});
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->value, 0.25);
  EXPECT_EQ(measured->by_problem.at("p"), 0.5);
  EXPECT_FALSE(measure(dir.path(), {"a", "final/hard/unguided/overlap/ngrams", "", {"a"}}));
}

// Two hard rollouts between rows; the mean of three is at least 0.5 from the 12th on: 0.2, 0.5, 0.8.
TEST(Measure, RolloutsUntilALevelIsReached) {
  TempDir dir;
  std::vector<Json> rows;
  const double values[] = {0, 0.9, 0, 0, 0.2, 0.5, 0.8, 0.1};
  for (int i = 0; i < 8; ++i) rows.push_back({{"step", 5 * i}, {"rollouts/hard", 2 * i}, {"r", values[i]}});
  rows[0].erase("rollouts/hard");                         // the base model's evaluation
  rows.push_back({{"step", 40}, {"rollouts/hard", 15}});  // not evaluated
  write_jsonl(dir / "a-1/metrics.jsonl", rows);
  write_file(dir / "a-1/result.json", "{}");
  const auto reached = [&](const std::string& metric) {
    return measure(dir.path(), {"a", metric, "", {"a-1"}})->value;
  };
  EXPECT_EQ(reached("reach/0.5/r"), 12);
  EXPECT_EQ(reached("reach/0.3/r"), 4);    // 0, 0.9, 0
  EXPECT_EQ(reached("reach/0.51/r"), 15);  // never: all
  EXPECT_FALSE(measure(dir.path(), {"a", "reach/0.5/s", "", {"a-1"}}));
  // Runs that do not count their rollouts cannot say it.
  write_jsonl(dir / "old-1/metrics.jsonl", {{{"step", 1}, {"r", 1}}});
  write_file(dir / "old-1/result.json", "{}");
  EXPECT_FALSE(measure(dir.path(), {"old", "reach/0.5/r", "", {"old-1"}}));
  // Several runs: their mean, and each apart; with the same number of rollouts in all.
  rows.clear();
  for (int i = 1; i <= 3; ++i) rows.push_back({{"step", i}, {"rollouts/hard", i}, {"r", 1}});
  write_jsonl(dir / "a-2/metrics.jsonl", rows);
  write_file(dir / "a-2/result.json", "{}");
  EXPECT_THAT(error_of([&] {
                measure(dir.path(), {"a", "reach/0.5/r", "", {"a-1", "a-2"}});
              }),
              HasSubstr("different numbers of hard rollouts"));
  rows.push_back({{"step", 4}, {"rollouts/hard", 15}});
  write_jsonl(dir / "a-2/metrics.jsonl", rows);
  write_file(dir / "a-2/result.json", "{}");
  const auto both = measure(dir.path(), {"a", "reach/0.5/r", "", {"a-1", "a-2"}});
  EXPECT_EQ(both->value, 7.5);
  EXPECT_EQ(both->by_problem, (std::map<std::string, double>{{"-1", 12}, {"-2", 3}}));
}

TEST(Judge, OneArmAgainstABound) {
  Claim claim = claim_of(1, false, 0.4);
  claim.right.reset();
  EXPECT_EQ(judge(claim, values({0.2, 0.3, 0.25}), values({0, 0, 0})).text, "held");
  std::vector<Measurement> one = values({0.3});
  for (int i = 0; i < 20; ++i) one[0].by_problem[std::to_string(i)] = 0.25 + 0.005 * i;
  EXPECT_EQ(judge(claim, one, values({0})).text, "held");
  claim.bound = 0.2;
  EXPECT_EQ(judge(claim, one, values({0})).text, "did not hold");
}

}  // namespace
}  // namespace pope
