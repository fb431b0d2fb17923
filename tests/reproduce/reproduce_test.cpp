// `pope reproduce` as a whole, with a shell script in the place of pope: the gate, failures, the grid, and
// what is said before the runs.
#include "reproduce/reproduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/files.h"
#include "core/temp_dir.h"
#include "reproduce/gate.h"
#include "reproduce/jobs.h"

namespace pope {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto kArms = R"(
noise: 0.1
rates: [0.1, 0.2]
baseline: plain
steps:
  pool: {verb: problems, out: pool.jsonl}
  base: {verb: sft, set: {paths.problems: "@pool"}}
  base-more: {verb: sft, set: {paths.model: "@base/model"}}
  mine: {verb: mine, set: {paths.model: "@base/model"}}
gate:
  attempts: [base, base-more]
  conditions: [{id: finishes, claim: The base model finishes, metric: final/gate/unguided/pass@1, above: 0.19}]
  eval: {set: {paths.eval_sets: ["gate=@pool"]}}
train: {set: {paths.model: "@base/model", paths.problems: "@mine/hard.jsonl"}}
eval: {set: {paths.eval_sets: ["hard=@pool"]}}
arms:
  base-model: {label: Base model, model: "@base/model"}
  plain: {label: GRPO, rl_seeds: all, grid: true}
  other: {label: Other}
)";
constexpr auto kStudy = R"(
title: A study
paper: Fig. 1
claims:
  - {id: more, claim: more, metric: final/hard/unguided/pass@1, of: plain, minus: base-model, above: 0, expect: 0.2}
  - {id: other, claim: other, metric: final/hard/unguided/pass@1, of: other, minus: base-model, above: 0}
)";

// Leaves what a verb would: evaluations of 20 samples whose number of correct ones a `case` on $out sets.
std::filesystem::path fake_program(const TempDir& dir, const std::string& cases) {
  const auto path = dir / "fake";
  write_file(
      path,
      "#!/bin/sh\nfor out; do [ \"$last\" = --label ] && label=$out; last=$out; done\necho \"$out\" >>" +
          (dir / "log").string() +
          "\nset=hard\ncase $out in */gate-*) set=gate;; esac\ncorrect=5\ncase $out in\n" + cases +
          "\nesac\nif [ \"$1\" = problems ]; then echo {} >\"$out\"; exit; fi\nmkdir -p \"$out\"\n"
          "printf 'run:\\n  label: %s\\noptimizer:\\n  lr: 0.5\\n' \"$label\" >\"$out/config.yaml\"\n"
          "printf '{\"verb\": \"%s\", \"starts\": []}' \"$1\" >\"$out/environment.json\"\n"
          "if [ \"$1\" != eval ]; then echo {} >\"$out/result.json\"; exit; fi\n"
          "printf '{\"sets\": [{\"set\": \"%s\", \"guided\": false, \"samples\": 20, \"ids\": [\"p\"], "
          "\"correct\": [%s], \"pass\": {}}]}' $set $correct >\"$out/result.json\"\n");
  chmod(path.c_str(), 0755);
  return path;
}

// Base 1 passes at once, base 2 at the second attempt, base 3 never; 4 and 5 at once.
constexpr auto kGates = "*/base-2/gate-base) correct=3;;\n */base-3/gate-*) correct=2;;\n";

ReproduceConfig config_of(const TempDir& dir) {
  write_file(dir / "plan/arms.yaml", kArms);
  write_file(dir / "plan/one.yaml", kStudy);
  ReproduceConfig config;
  config.plan = (dir / "plan").string();
  config.bases = 5;
  config.rl_seeds = 2;
  config.workers = 2;
  return config;
}

Runs runs_of(const TempDir& dir) { return {dir / "out", {1, 2, 3, 4, 5}, 2, {}}; }

GateOutcome gate_of(const TempDir& dir, const std::filesystem::path& program) {
  const Plan plan = read_plan(dir / "plan");
  return run_gate(plan, runs_of(dir), [&](const std::vector<Job>& jobs) {
    return run_jobs(program, jobs, 2, [](double, const std::string&) {});
  });
}

TEST(Gate, FirstAttemptThatPassesElseRejected) {
  TempDir dir;
  config_of(dir);
  const auto program = fake_program(dir, kGates);
  const GateOutcome outcome = gate_of(dir, program);
  EXPECT_EQ(outcome.passed,
            (std::map<std::uint64_t, std::string>{{1, "base"}, {2, "base-more"}, {4, "base"}, {5, "base"}}));
  EXPECT_EQ(
      outcome.rejected,
      Json::parse(R"([{"base": 3, "values": {"base": {"finishes": 0.1}, "base-more": {"finishes": 0.1}}}])"));
  EXPECT_EQ(outcome.gates[1]["attempts"][0]["failed"], Json({"finishes"}));
  EXPECT_EQ(outcome.gates[1]["attempts"][1]["values"]["finishes"], 0.25);
  // Only those that failed took the second attempt.
  EXPECT_FALSE(std::filesystem::exists(dir / "out/base-1/base-more"));
  EXPECT_TRUE(std::filesystem::exists(dir / "out/base-3/base-more"));
}

TEST(Gate, ARestartDecidesNothingAnew) {
  TempDir dir;
  config_of(dir);
  gate_of(dir, fake_program(dir, kGates));
  // Were it judged again, base 3 would pass and base 1 not.
  write_file(dir / "out/base-3/gate-base/result.json", read_file(dir / "out/base-1/gate-base/result.json"));
  std::filesystem::remove(dir / "log");
  const GateOutcome again = gate_of(dir, fake_program(dir, "*) exit 1;;"));
  EXPECT_EQ(again.passed.size(), 4u);
  EXPECT_EQ(again.rejected.size(), 1u);
  EXPECT_TRUE(again.jobs.failures.empty());
  EXPECT_FALSE(std::filesystem::exists(dir / "log"));  // and nothing ran
  // Other conditions than those it was decided by are refused.
  std::string arms = kArms;
  arms.replace(arms.find("above: 0.19"), 11, "above: 0.05");
  write_file(dir / "plan/arms.yaml", arms);
  EXPECT_THAT(error_of([&] { gate_of(dir, dir / "fake"); }), HasSubstr("was decided by other conditions"));
}

TEST(Gate, AFailedRunDecidesNothing) {
  TempDir dir;
  config_of(dir);
  const std::string fails = kGates + std::string(" */base-4/base) echo broken >&2; exit 1;;\n");
  const GateOutcome outcome = gate_of(dir, fake_program(dir, fails));
  ASSERT_EQ(outcome.jobs.failures.size(), 1u);
  EXPECT_EQ(outcome.jobs.failures[0].job, "base-4/base");
  EXPECT_THAT(outcome.jobs.skipped, ElementsAre("base-4/gate-base"));
  EXPECT_FALSE(outcome.passed.contains(4));
  EXPECT_EQ(outcome.rejected.size(), 1u);  // base 3 alone
  EXPECT_FALSE(std::filesystem::exists(dir / "out/base-4/gate.json"));
  EXPECT_EQ(gate_of(dir, fake_program(dir, kGates)).passed.at(4), "base");
}

TEST(Reproduce, WithoutRejectedBasesAndFailedRuns) {
  TempDir dir;
  const ReproduceConfig config = config_of(dir);
  const auto program = fake_program(
      dir,
      kGates + std::string(" */eval-base-model) correct=1;;\n */base-5/rl-2/plain) echo broken; exit 1;;\n"
                           " */base-1/rl-1/eval-plain) correct=9;;\n"));
  const Json result = reproduce(config, {"one"}, 1, program, dir / "out");
  EXPECT_EQ(result["bases"], Json({1, 2, 3, 4, 5}));
  EXPECT_EQ(result["rl_seeds"], 2);
  EXPECT_EQ(result["rejected"][0]["base"], 3);
  ASSERT_EQ(result["failures"].size(), 1u);
  EXPECT_EQ(result["failures"][0], Json({{"job", "base-5/rl-2/plain"}, {"log", "broken\n"}}));
  EXPECT_EQ(result["skipped"], Json({"base-5/rl-2/eval-plain"}));
  const Json& more = result["claims"][0];
  EXPECT_EQ(more["bases"], Json({1, 2, 4}));  // of base 5 a run is missing
  EXPECT_EQ(more["left_values"], Json::parse("[[0.45, 0.25], [0.25, 0.25], [0.25, 0.25]]"));
  EXPECT_EQ(more["right_values"], Json::parse("[[0.05], [0.05], [0.05]]"));
  EXPECT_EQ(more["bases_for"], 3);
  EXPECT_NEAR(more["power"].get<double>(), 0.909, 0.003);
  EXPECT_EQ(result["claims"][1]["bases"], Json({1, 2, 4, 5}));
  EXPECT_EQ(result["claims"][1]["verdict"], "held");  // 0.2 in all four
  EXPECT_EQ(result["held"].get<int>() + result["undecided"].get<int>(), 2);
  EXPECT_EQ(result["arms"][0],
            Json({{"arm", "other"}, {"label", "Other"}, {"verb", "train"}, {"lr", "0.5"}, {"runs", 1}}));
  EXPECT_EQ(result["arms"][1]["runs"], 2);
  // The model that passed is what the others read.
  EXPECT_THAT(read_file(dir / "out/base-2/mine.command"), HasSubstr("base-2/base-more/model"));
  EXPECT_THAT(read_file(dir / "out/base-1/mine.command"), HasSubstr("base-1/base/model"));
  EXPECT_FALSE(std::filesystem::exists(dir / "out/base-3/mine"));
  EXPECT_EQ(read_json(dir / "out/claims.json"), result);
  EXPECT_THAT(read_file(dir / "out/paper.md"),
              AllOf(HasSubstr("base-5/rl-2/plain"), HasSubstr("**rejected**")));
  EXPECT_THAT(read_file(dir / "out/report.html"),
              AllOf(HasSubstr("Base 3 was rejected"), HasSubstr(R"("label":"GRPO","color":0)")));
  // Mended, only what is missing runs.
  std::filesystem::remove(dir / "log");
  const Json mended = reproduce(config, {"one"}, 1, fake_program(dir, kGates), dir / "out");
  EXPECT_TRUE(mended["failures"].empty());
  EXPECT_EQ(mended["claims"][0]["bases"], Json({1, 2, 4, 5}));
  const std::string out = (dir / "out").string();
  EXPECT_EQ(read_file(dir / "log"), out + "/base-5/rl-2/plain\n" + out + "/base-5/rl-2/eval-plain\n");
}

TEST(Reproduce, QuickHasThreeBasesAndOneRlSeed) {
  TempDir dir;
  ReproduceConfig config = config_of(dir);
  config.quick = true;
  config.plan_only = true;
  const Json result = reproduce(config, {"one"}, 4, "none", "none");
  EXPECT_EQ(result["bases"], Json({4, 5, 6}));
  EXPECT_EQ(result["rl_seeds"], 1);
}

TEST(Reproduce, PlanOnlyRunsNothing) {
  TempDir dir;
  ReproduceConfig config = config_of(dir);
  config.plan_only = true;
  const Json result = reproduce(config, {"all"}, 1, fake_program(dir, ""), dir / "out");
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
  ASSERT_EQ(result["plan"].size(), 2u);
  EXPECT_EQ(result["plan"][0]["of"], "plain");
  EXPECT_EQ(result["plan"][0]["above"], 0);
  EXPECT_EQ(result["plan"][0]["expect"], 0.2);
  EXPECT_NEAR(result["plan"][0]["power"].get<double>(), 0.909, 0.003);
  EXPECT_EQ(result["plan"][1]["power"], Json());
  // Per base: pool, base, mine, eval-base-model, other and its evaluation, plain and its evaluation twice
  // each.
  EXPECT_EQ(result["jobs"], 50);
}

TEST(Reproduce, Rates) {
  TempDir dir;
  ReproduceConfig config = config_of(dir);
  config.bases = 2;
  config.rl_seeds = 1;
  const auto program = fake_program(dir, kGates);
  const Json result = reproduce(config, {"rates"}, 1, program, dir / "out");
  ASSERT_EQ(result["rates"].size(), 1u);
  EXPECT_EQ(result["rates"][0]["arm"], "plain");
  EXPECT_EQ(result["rates"][0]["rows"].size(), 2u);
  EXPECT_EQ(read_json(dir / "out/rates.json"), result);
  EXPECT_THAT(
      read_file(dir / "out/base-2/rl-1/plain-lr-0.2.command"),
      AllOf(HasSubstr("optimizer.lr=0.2"), HasSubstr("base-2/base-more/model"), HasSubstr("--seed 2001")));
  EXPECT_TRUE(std::filesystem::exists(dir / "out/base-1/rl-1/eval-plain-lr-0.1/result.json"));
  EXPECT_THAT(read_file(dir / "log"), Not(HasSubstr("/plain\n")));  // its own run is not of the grid
  EXPECT_THAT(error_of([&] {
                reproduce(config, {"rates", "one"}, 1, program, dir / "out");
              }),
              HasSubstr("expected rates alone, or studies, got both"));
}

TEST(Reproduce, CountsAreChecked) {
  ReproduceConfig config;
  config.rl_seeds = 0;
  EXPECT_THAT(error_of([&] { reproduce(config, {"all"}, 1, "none", "none"); }),
              HasSubstr("reproduce.rl_seeds: expected 1 to 999, got 0"));
}

}  // namespace
}  // namespace pope
