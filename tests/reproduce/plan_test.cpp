// Reading a plan: order, inheritance, windows, and the errors that a hand-written file calls for.
#include "reproduce/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "core/temp_dir.h"

namespace pope {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr auto kArms = R"(
config: [../common.yaml]
steps:
  guide: {verb: guide, set: {paths.model: "@base/model", paths.problems: "@pool"}}
  base: {verb: sft, config: [sft.yaml], set: {paths.problems: "@pool"}}
  pool: {verb: problems, out: pool.jsonl}
train: {set: {paths.model: "@base/model", paths.problems: "@guide/guided.jsonl", mixture.easy: 0}, quick: {train.steps: 3}}
eval: {set: {paths.eval_sets: ["hard=@guide/guided.jsonl", "pool=@pool"]}, quick: {eval.samples: 4}}
arms:
  pair: {label: Pairs, repeat: 2, evaluate: false, set: {paths.easy: "@pool", run.label: "{i} of {i}"}, quick: {train.steps: 1}}
  start: {label: Base model, model: "@base/model", eval: {<<: [{eval.overlap: true, eval.level: 0.5}, {eval.samples: 7}], eval.level: 0.9}}
  plain: {label: GRPO, set: {mixture.guided: 0, train.steps: 9}}
  sft: {label: SFT, verb: sft, set: {paths.problems: "@pool"}}
)";
constexpr auto kStudy = R"(
title: A study
claims:
  - {id: more, claim: more, metric: final/hard/unguided/pass@8, of: plain, minus: start, times: 3, above: 0.5}
  - {id: rises, claim: rises, metric: reward/unguided, of: plain@late, minus: plain@early, above: 0}
)";

void write_plan(const TempDir& dir, const std::string& arms, const std::string& study) {
  write_file(dir / "plan/arms.yaml", arms);
  write_file(dir / "plan/one.yaml", study);
}

std::vector<std::string> names_of(const std::vector<Step>& steps) {
  std::vector<std::string> names;
  for (const Step& step : steps) names.push_back(step.name);
  return names;
}

std::string setting(const Step& step, const std::string& key) {
  for (const auto& [name, value] : step.settings) {
    if (name == key) return value;
  }
  return "none";
}

TEST(Plan, StepsComeAfterWhatTheyRead) {
  TempDir dir;
  write_plan(dir, kArms, kStudy);
  const Plan plan = read_plan(dir / "plan");
  EXPECT_THAT(names_of(plan.steps), ElementsAre("pool", "base", "guide", "pair-1", "pair-2", "eval-start",
                                                "plain", "eval-plain", "sft", "eval-sft"));
  EXPECT_THAT(references(plan.step("eval-plain")), ElementsAre("guide", "plain", "pool"));
}

TEST(Plan, ArmsInheritAndOverride) {
  TempDir dir;
  write_plan(dir, kArms, kStudy);
  const Plan plan = read_plan(dir / "plan");
  const Step& plain = plan.step("plain");
  EXPECT_EQ(plain.verb, "train");
  EXPECT_EQ(plain.label, "GRPO");
  EXPECT_THAT(plain.config, ElementsAre((dir / "common.yaml").string()));
  EXPECT_EQ(setting(plain, "mixture.easy"), "0");
  EXPECT_EQ(setting(plain, "mixture.guided"), "0");
  EXPECT_EQ(setting(plain, "train.steps"), "9");
  EXPECT_EQ(setting(plan.step("eval-start"), "paths.model"), "@base/model");
  EXPECT_EQ(setting(plan.step("eval-plain"), "paths.model"), "@plain/model");
  EXPECT_EQ(setting(plan.step("sft"), "mixture.easy"),
            "none");  // the settings of train are not for other verbs
  // Quick settings give way to a step's own.
  const Plan quick = read_plan(dir / "plan", true);
  EXPECT_EQ(setting(quick.step("plain"), "train.steps"), "9");
  EXPECT_EQ(setting(quick.step("eval-plain"), "eval.samples"), "4");
  EXPECT_EQ(setting(quick.step("sft"), "train.steps"), "none");
  EXPECT_EQ(setting(quick.step("pool"), "train.steps"), "none");
}

TEST(Plan, RepeatedArmsAndSettingsOfTheEvaluation) {
  TempDir dir;
  write_plan(
      dir, kArms,
      "title: t\nclaims:\n  - {id: c, claim: c, metric: reach/0.5/reward/unguided, of: pair, below: 2}\n"
      "figures:\n  - {title: f, x: reward/easy, y: reward/unguided, arms: [plain, pair]}\n");
  const Plan plan = read_plan(dir / "plan", true);
  EXPECT_EQ(setting(plan.step("pair-2"), "run.label"), "2 of 2");
  EXPECT_EQ(setting(plan.step("pair-2"), "train.steps"), "1");  // its own quick setting wins
  EXPECT_EQ(setting(read_plan(dir / "plan").step("pair-2"), "train.steps"), "none");
  EXPECT_EQ(setting(plan.step("eval-start"), "eval.overlap"), "true");
  EXPECT_EQ(setting(plan.step("eval-start"), "eval.level"), "0.9");  // the map's own key wins
  EXPECT_EQ(setting(plan.step("eval-start"), "eval.samples"), "7");
  EXPECT_EQ(setting(plan.step("eval-plain"), "eval.overlap"), "none");
  const Study& study = plan.studies.at(0);
  const Claim& claim = study.claims.at(0);
  EXPECT_FALSE(claim.right.has_value());
  EXPECT_EQ(claim.side, Side::below);
  EXPECT_EQ(claim.left.window, "");
  EXPECT_THAT(claim.left.runs, ElementsAre("pair-1", "pair-2"));
  ASSERT_EQ(study.figures.size(), 1u);
  EXPECT_EQ(study.figures[0].x, "reward/easy");
  EXPECT_THAT(study.figures[0].arms.at(0).runs, ElementsAre("plain"));
  EXPECT_THAT(names_of(plan.needed({study})),
              ElementsAre("pool", "base", "guide", "pair-1", "pair-2", "plain", "eval-plain"));
}

TEST(Plan, OnlyWhatTheClaimsNeedIsRun) {
  TempDir dir;
  write_plan(dir, kArms, kStudy);
  const Plan plan = read_plan(dir / "plan");
  EXPECT_THAT(names_of(plan.needed({plan.study("one")})),
              ElementsAre("pool", "base", "guide", "eval-start", "plain", "eval-plain"));
}

TEST(Plan, ReadsClaims) {
  TempDir dir;
  write_plan(dir, kArms, kStudy);
  const Study study = read_plan(dir / "plan").study("one");
  ASSERT_EQ(study.claims.size(), 2u);
  EXPECT_EQ(study.title, "A study");
  EXPECT_EQ(study.claims[0].times, 3);
  EXPECT_EQ(study.claims[0].bound, 0.5);
  EXPECT_EQ(study.claims[0].left.window, "");
  EXPECT_EQ(study.claims[1].left.arm, "plain");
  EXPECT_EQ(study.claims[1].left.window, "late");
  EXPECT_EQ(study.claims[1].right->window, "early");
}

TEST(Plan, ErrorsNameTheEntry) {
  const auto message = [](const std::string& arms, const std::string& study) {
    TempDir dir;
    write_plan(dir, arms, study);
    return error_of([&] { read_plan(dir / "plan"); });
  };
  EXPECT_THAT(message("steps: {a: {verb: sft, sett: {}}}", kStudy),
              HasSubstr("unknown key 'sett'\n  hint: did you mean 'set'?"));
  EXPECT_THAT(message("steps: {a: {verb: sft, set: {paths.model: '@b/model'}}}", kStudy),
              HasSubstr("step 'a' reads '@b', which is no step"));
  EXPECT_THAT(
      message("steps: {a: {verb: sft, set: {paths.model: '@b'}}, b: {verb: sft, set: {paths.model: '@a'}}}",
              kStudy),
      HasSubstr("reads its own output"));
  const std::string claim =
      "title: t\nclaims:\n  - {id: c, claim: c, metric: final/hard/unguided/pass@8, of: ";
  EXPECT_THAT(message(kArms, claim + "plane, minus: start, above: 0}"),
              HasSubstr("claim 1: no arm 'plane'\n  hint: did you mean 'plain'?"));
  EXPECT_THAT(message(std::string(kArms) + "baseline: plane\n", kStudy),
              HasSubstr("baseline: no arm 'plane'"));
  EXPECT_THAT(message(kArms, claim + "plain@late, minus: start, above: 0}"),
              HasSubstr("no window 'late' of final/"));
  EXPECT_THAT(
      message(kArms, std::string(kStudy) + "  - {id: rises, claim: c, metric: m, of: plain, above: 0}\n"),
      HasSubstr("the id 'rises' stands twice"));
  const auto metric = [&](const std::string& name) {
    return message(kArms,
                   "title: t\nclaims:\n  - {id: c, claim: c, metric: " + name + ", of: plain, above: 0}");
  };
  EXPECT_THAT(metric("final/hard/unguided/pass8"), HasSubstr("claim 1: expected final/SET/unguided/pass@K"));
  EXPECT_THAT(metric("final/hard/unguided/overlap/"), HasSubstr("expected final/SET/unguided/pass@K"));
  EXPECT_THAT(metric("final/hard/unguided/pass@1.5"), HasSubstr("expected final/SET/unguided/pass@K"));
  EXPECT_THAT(metric("final/hard/unguided/pass@0"), HasSubstr("expected final/SET/unguided/pass@K"));
  EXPECT_THAT(metric("reach/half/reward/unguided"), HasSubstr("expected a number, got 'half'"));
  EXPECT_THAT(metric("reach/0.5"), HasSubstr("expected reach/X/KEY"));
  EXPECT_THAT(message(kArms, claim + "plain, minus: start}"),
              HasSubstr("claim 1: expected one of above, below and within"));
  EXPECT_THAT(message(kArms, claim + "plain, minus: start, above: much}"),
              HasSubstr("above: expected a number, got 'much'"));
}

TEST(Plan, WhatAClaimSaysBeforehand) {
  TempDir dir;
  write_plan(dir, kArms + std::string("noise: 0.05\n"),
             "title: t\npaper: Sec. 3\nnoise: 0.04\nclaims:\n"
             "  - {id: a, claim: a, metric: reward/unguided, of: plain, minus: sft, above: 0, expect: 0.1}\n"
             "  - {id: b, claim: b, metric: reward/unguided, of: plain, within: 0.1, noise: 0.3}\n"
             "  - {id: c, claim: c, metric: reward/unguided, of: plain, above: 0, untestable: too few, "
             "condition: true}\n");
  write_file(dir / "plan/two.yaml",
             "title: u\nclaims: [{id: d, claim: d, metric: reward/unguided, of: plain, above: 0}]");
  const Plan plan = read_plan(dir / "plan");
  const Study& one = plan.study("one");
  EXPECT_EQ(one.paper, "Sec. 3");
  EXPECT_EQ(one.claims[0].expect, 0.1);
  EXPECT_EQ(one.claims[0].noise, 0.04);
  EXPECT_EQ(one.claims[1].noise, 0.3);
  EXPECT_EQ(one.claims[1].side, Side::within);
  EXPECT_EQ(one.claims[1].bound, 0.1);
  EXPECT_FALSE(one.claims[1].expect);
  EXPECT_EQ(one.claims[2].untestable, "too few");
  EXPECT_TRUE(one.claims[2].condition);
  EXPECT_FALSE(one.claims[0].condition);
  EXPECT_EQ(plan.study("two").claims[0].noise, 0.05);
  write_plan(dir, kArms, "title: t\nclaims: [{id: a, claim: a, metric: m, of: plain, above: 0, below: 1}]");
  EXPECT_THAT(error_of([&] { read_plan(dir / "plan"); }),
              HasSubstr("expected one of above, below and within"));
  write_plan(dir, kArms, "title: t\nclaims: [{id: a, claim: a, metric: m, of: plain, within: 0}]");
  EXPECT_THAT(error_of([&] { read_plan(dir / "plan"); }), HasSubstr("expected a bound above 0, got 0"));
}

TEST(Plan, StudiesInTheOrderOfTheirNumbers) {
  TempDir dir;
  write_plan(dir, kArms, kStudy);
  for (const char* name : {"fig10", "fig3", "table2", "baselines"})
    write_file(dir / "plan" / (std::string(name) + ".yaml"), kStudy);
  std::vector<std::string> names;
  for (const Study& study : read_plan(dir / "plan").studies) names.push_back(study.name);
  EXPECT_THAT(names, ElementsAre("baselines", "fig3", "fig10", "one", "table2"));
}

TEST(Plan, RlSeeds) {
  TempDir dir;
  const std::string arms = kArms;
  write_plan(dir, arms + "  many: {label: Many, rl_seeds: all}\n", kStudy);
  const Plan plan = read_plan(dir / "plan");
  EXPECT_TRUE(plan.arms.at("many").all_rl);
  EXPECT_TRUE(plan.step("many").all_rl && plan.step("eval-many").all_rl);
  EXPECT_FALSE(plan.step("plain").all_rl);
  EXPECT_EQ(plan.step("eval-many").arm, "many");
  EXPECT_EQ(plan.step("pair-2").arm, "pair");
  EXPECT_EQ(plan.step("guide").arm, "");
  write_plan(dir, arms + "  many: {label: Many, rl_seeds: 2}\n", kStudy);
  EXPECT_THAT(error_of([&] { read_plan(dir / "plan"); }), HasSubstr("many.rl_seeds: expected all, got '2'"));
}

TEST(Plan, FilesOfThePlanAndWhatAnArmHasSpent) {
  TempDir dir;
  write_plan(dir,
             kArms + std::string("  listed: {label: L, spent: 5376, set: {evolve.reflection_model: "
                                 "'@plan/texts.txt', run.label: '@plan/x'}}\n"),
             "title: t\nclaims:\n  - {id: c, claim: c, metric: at/9000/reward/unguided, of: listed, minus: "
             "plain, above: 0}\n");
  const Plan plan = read_plan(dir / "plan");
  EXPECT_EQ(setting(plan.step("listed"), "evolve.reflection_model"), (dir / "plan/texts.txt").string());
  EXPECT_EQ(setting(plan.step("listed"), "run.label"), "@plan/x");  // no path
  EXPECT_EQ(plan.studies[0].claims[0].left.spent, 5376);
  EXPECT_EQ(plan.studies[0].claims[0].right->spent, 0);
  EXPECT_EQ(plan.studies[0].claims[0].left.window, "");
}

constexpr auto kGate = R"(
gate:
  attempts: [base, more]
  conditions:
    - {id: finishes, claim: it finishes, metric: final/gate/unguided/pass@1, above: 0.19}
    - {id: sober, claim: it guesses little, metric: final/gate/guided/pass@1, below: 0.9}
  eval: {set: {paths.eval_sets: ["gate=@pool"], eval.samples: 16}}
)";

std::string with_gate(const std::string& more = "@base/model", const std::string& gate = kGate) {
  std::string arms = kArms;
  arms.insert(arms.find("\ntrain:"), "\n  more: {verb: sft, set: {paths.model: '" + more + "'}}");
  return arms + gate;
}

TEST(Plan, GateComesFirst) {
  TempDir dir;
  write_plan(dir, with_gate(), kStudy);
  const Plan plan = read_plan(dir / "plan");
  ASSERT_TRUE(plan.gate);
  EXPECT_THAT(plan.gate->attempts, ElementsAre("base", "more"));
  EXPECT_EQ(plan.gate->conditions[0].bound, 0.19);
  EXPECT_FALSE(plan.gate->conditions[1].above);
  EXPECT_THAT(names_of(plan.with_inputs({"gate-base", "gate-more"})),
              ElementsAre("pool", "base", "more", "gate-base", "gate-more"));
  EXPECT_EQ(names_of(plan.steps)[5], "guide");  // the gate's before all others
  EXPECT_TRUE(plan.step("more").literal && plan.step("pool").literal);
  EXPECT_FALSE(plan.step("guide").literal);
  EXPECT_EQ(setting(plan.step("gate-more"), "paths.model"), "@more/model");
  EXPECT_EQ(setting(plan.step("gate-more"), "eval.samples"), "16");
}

TEST(Plan, GateErrors) {
  const auto message = [](const std::string& arms) {
    TempDir dir;
    write_plan(dir, arms, kStudy);
    return error_of([&] { read_plan(dir / "plan"); });
  };
  EXPECT_THAT(message(with_gate("@plain/model")),
              HasSubstr("expected steps alone, but it reads the arm 'plain'"));
  EXPECT_THAT(message(with_gate("@gide/model")), HasSubstr("reads '@gide', which is no step"));
  EXPECT_THAT(message(with_gate() + "  eva: {}\n"),
              HasSubstr("unknown key 'eva'\n  hint: did you mean 'eval'?"));
  EXPECT_THAT(message(with_gate("@base/model", "gate: {attempts: [base]}")),
              HasSubstr("expected a list of conditions"));
  EXPECT_THAT(message(with_gate(
                  "@base/model",
                  "gate: {attempts: [base], conditions: [{id: a, claim: a, metric: reward/x, above: 0}]}")),
              HasSubstr("condition 1: expected a final/… metric, got 'reward/x'"));
  std::string arms = with_gate();
  arms.insert(arms.find("  sft: {label"), "  two: {label: Two, model: '@more/model'}\n");
  EXPECT_THAT(message(arms),
              HasSubstr("step 'eval-two' reads '@more', an attempt at the gate\n  hint: '@base' is"));
}

}  // namespace
}  // namespace pope
