// Collecting a report: the table's numbers, the headline, curves, summaries, and what is tolerated and what
// is not.
#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "report/fake_runs.h"
#include "report/html.h"
#include "report/page.h"

namespace pope {
namespace {

using ::testing::ElementsAre;
using testing::FakeRuns;
using ::testing::HasSubstr;

ReportConfig against(const std::string& baseline) {
  ReportConfig config;
  config.baseline = baseline;
  return config;
}

const Json* find_row(const Json& report, const std::string& method, const std::string& metric,
                     const std::string& set = "hard", bool guided = false) {
  for (const Json& row : report["table"]) {
    if (row["method"] == method && row["metric"] == metric && row["set"] == set && row["guided"] == guided)
      return &row;
  }
  return nullptr;
}

TEST(CollectReport, TableOverSeedsAndOverProblems) {
  FakeRuns fake;
  const Json report =
      collect_report({fake.eval("p1", "POPE", 1, 0.1, 0.3), fake.eval("p2", "POPE", 2, 0.2, 0.5),
                      fake.eval("p3", "POPE", 3, 0.3, 0.4), fake.eval("g1", "plain GRPO", 1, 0.05, 0.1),
                      fake.eval("b", "Base model", 1, 0.0, 0.02)},
                     against("plain GRPO"));
  // In the order of the runs; the baseline is grey.
  EXPECT_EQ(report["methods"], Json::parse(R"([{"label": "POPE", "color": 1, "runs": 3},
                                               {"label": "plain GRPO", "color": 0, "runs": 1},
                                               {"label": "Base model", "color": 2, "runs": 1}])"));
  EXPECT_EQ(report["baseline"], "plain GRPO");

  const Json& pope = *find_row(report, "POPE", "pass@8");
  EXPECT_NEAR(pope["value"].get<double>(), 0.4, 1e-12);
  EXPECT_NEAR(pope["low"].get<double>(), 0.3, 1e-12);   // percentile bootstrap of three values reaches
  EXPECT_NEAR(pope["high"].get<double>(), 0.5, 1e-12);  // their extremes (chance 1/27 each)
  EXPECT_EQ(pope["runs"], 3);
  EXPECT_EQ(pope["interval"], "seeds");
  EXPECT_NEAR(pope["gain"].get<double>(), 3.0, 1e-12);  // 0.4 against 0.1
  EXPECT_EQ(pope["clear"], true);                       // 0.3 … 0.5 against 0.09 … 0.11

  const Json& grpo = *find_row(report, "plain GRPO", "pass@8");
  EXPECT_EQ(grpo["interval"], "problems");
  EXPECT_NEAR(grpo["low"].get<double>(), 0.09, 1e-12);
  EXPECT_TRUE(grpo["gain"].is_null());
  EXPECT_NEAR((*find_row(report, "Base model", "pass@1"))["gain"].get<double>(), -1.0, 1e-12);
}

TEST(CollectReport, NoLabelIsABaselineByItself) {
  FakeRuns fake;
  const auto base = fake.eval("b", "Base model", 1, 0.005, 0.02), grpo = fake.eval("g", "GRPO", 1, 0.05, 0.1),
             pope = fake.eval("p", "POPE", 1, 0.2, 0.5);
  const Json report = collect_report({base, grpo, pope}, {});
  EXPECT_EQ(report["baseline"], "");
  for (const Json& row : report["table"]) {
    EXPECT_TRUE(row["gain"].is_null());
    EXPECT_EQ(row["clear"], false);
  }
  for (const Json& method : report["methods"]) EXPECT_NE(method["color"], 0);
  EXPECT_EQ(report["headline"]["text"], "POPE solves 50\u00a0% of the hard problems unguided at pass@8.");
  EXPECT_THAT(render_html(report), HasSubstr("pope report --baseline LABEL"));

  const Json compared = collect_report({base, grpo, pope}, against("Base model"));
  EXPECT_EQ((*find_row(compared, "GRPO", "pass@8"))["gain"], 0.1 / 0.02 - 1);
  EXPECT_TRUE((*find_row(compared, "GRPO", "pass@1"))["gain"].is_null());  // its interval reaches 0
  EXPECT_THAT(render_html(compared), ::testing::Not(HasSubstr("--baseline")));
  EXPECT_THAT(
      error_of([&] {
        collect_report({base, grpo, pope}, against("grpo"));
      }),
      ::testing::AllOf(HasSubstr("got 'grpo'"), HasSubstr("there are: 'Base model', 'GRPO', 'POPE'")));
}

TEST(CollectReport, SeedsHaveIntervalsOverTheirProblemsToo) {
  FakeRuns fake;
  const auto with_counts = [&](const std::string& name, int seed, const std::vector<int>& correct) {
    const auto path = fake.eval(name, "GRPO", seed, 0, 0);
    Json result = read_json(path / "result.json");
    result["sets"][0]["correct"] = correct;
    write_file(path / "result.json", dump(result));
    return path;
  };
  const auto a = with_counts("a", 1, std::vector<int>(4, 0)), b = with_counts("b", 2, std::vector<int>(6, 0));
  const Json report = collect_report({a, b}, {});
  const Json& none = *find_row(report, "GRPO", "pass@8");
  EXPECT_EQ(none["interval"], "seeds and problems");
  EXPECT_EQ(none["low"], 0.0);
  EXPECT_NEAR(none["high"].get<double>(), 0.308497, 1e-6);  // nothing of 10 problems
  EXPECT_THROW(collect_report({a, a}, {}), Error);          // one run is no two seeds
}

TEST(CollectReport, EachMethodHasAColourOfItsOwn) {
  FakeRuns fake;
  std::vector<std::filesystem::path> runs;
  for (int i = 1; i <= 31; ++i) runs.push_back(fake.eval("run-" + std::to_string(i), "", i, 0.1, 0.2));
  std::set<std::string> classes;
  const Json report = collect_report(runs, against("run-7"));
  for (const Json& method : report["methods"]) classes.insert(color_class(method["color"]));
  EXPECT_EQ(classes.size(), 31u);
  EXPECT_TRUE(classes.contains("c0"));
  EXPECT_EQ(report["methods"][6], Json::parse(R"({"label": "run-7", "color": 0, "runs": 1})"));
}

TEST(CollectReport, GainIsClearOnlyWhenIntervalsAreApart) {
  FakeRuns fake;
  const Json report = collect_report(
      {fake.eval("g", "GRPO", 1, 0.10, 0.2), fake.eval("p", "POPE", 1, 0.115, 0.23)}, against("GRPO"));
  EXPECT_EQ((*find_row(report, "POPE", "pass@1"))["clear"], false);  // 0.105 … against … 0.11
  EXPECT_EQ((*find_row(report, "POPE", "pass@8"))["clear"], true);   // 0.22 … against … 0.21
}

TEST(CollectReport, Headline) {
  FakeRuns fake;
  const std::filesystem::path grpo = fake.eval("g", "plain GRPO", 1, 0.01, 0.07);
  const std::filesystem::path sft = fake.eval("s", "SFT", 1, 0.5, 0.9),
                              pope = fake.eval("p", "POPE", 1, 0.1, 0.31);
  const std::filesystem::path held_grpo = fake.eval("hg", "plain GRPO", 1, 0.0, 0.02, "heldout");
  const std::filesystem::path held_pope = fake.eval("hp", "POPE", 1, 0.0, 0.03, "heldout");
  // The training problems can be memorised: the headline is about POPE, and names the held-out problems too.
  const ReportConfig config = against("plain GRPO");
  EXPECT_EQ(collect_report({held_grpo, held_pope, grpo, sft, pope}, config)["headline"]["text"],
            "POPE solves 31\u00a0% of the hard problems unguided at pass@8, plain GRPO 7.0\u00a0%: 4.4× "
            "(95\u00a0% intervals apart). On heldout: 3.0\u00a0% against 2.0\u00a0%, 1.5× (95\u00a0% "
            "intervals overlap).");
  EXPECT_EQ(collect_report({grpo, sft}, config)["headline"]["method"], "SFT");
  EXPECT_EQ(collect_report({grpo}, config)["headline"]["text"],
            "plain GRPO solves 7.0\u00a0% of the hard problems unguided at pass@8.");
  EXPECT_THAT(collect_report({fake.run("m", "mine", "", 1)}, {})["headline"]["text"].get<std::string>(),
              HasSubstr("No evaluated runs"));
}

TEST(CollectReport, TrainingEvaluationsFillInForMethodsWithoutEvalRun) {
  FakeRuns fake;
  const std::vector<Json> rows = {
      {{"step", 10}, {"eval/hard/unguided/pass@8", 0.1}},
      {{"step", 20}, {"eval/hard/unguided/pass@8", 0.25}, {"eval/hard/guided/pass@8", 0.75}},
      {{"step", 21}}};
  const Json report = collect_report({fake.train("t1", "GRPO", 1, rows), fake.train("t2", "POPE", 1, rows),
                                      fake.eval("e", "POPE", 1, 0.4, 0.6)},
                                     {});
  const Json& filled = *find_row(report, "GRPO", "pass@8");
  EXPECT_EQ(filled["value"], 0.25);
  EXPECT_TRUE(filled["low"].is_null());
  EXPECT_EQ(filled["interval"], "none");
  EXPECT_EQ((*find_row(report, "GRPO", "pass@8", "hard", true))["value"], 0.75);
  EXPECT_EQ((*find_row(report, "POPE", "pass@8"))["value"], 0.6);
  EXPECT_EQ(find_row(report, "POPE", "pass@8", "hard", true), nullptr);
}

TEST(CollectReport, CurvesWithBandsOverSeeds) {
  FakeRuns fake;
  const auto rows = [](double a, double b) {
    return std::vector<Json>{
        {{"step", 0}, {"eval/hard/unguided/pass@1", 0.0}, {"eval/hard/unguided/pass@8", 0.0}},
        {{"step", 1}, {"reward/unguided", a}, {"rollouts/total", 256}, {"odd", 1}, {"lr", nullptr}},
        {{"step", 2}, {"reward/unguided", b}, {"rollouts/total", 512}}};
  };
  const Json report =
      collect_report({fake.train("a", "POPE", 1, rows(0.2, 0.5)), fake.train("b", "POPE", 2, rows(0.4, 0.4)),
                      fake.train("c", "GRPO", 1, rows(0.1, 0.1))},
                     {});
  EXPECT_EQ(report["step_cost"], "256 rollouts each");
  std::vector<std::string> main, more;
  for (const Json& curve : report["curves"]) (curve["main"] == true ? main : more).push_back(curve["key"]);
  EXPECT_EQ(main, (std::vector<std::string>{"eval/hard/unguided/pass@8", "reward/unguided"}));
  EXPECT_THAT(more, ::testing::UnorderedElementsAre("eval/hard/unguided/pass@1", "rollouts/total", "odd"));

  const Json& reward = report["curves"][1];
  EXPECT_EQ(reward["title"], "Reward, unguided prompts");
  EXPECT_EQ(reward["unit"], "%");
  EXPECT_EQ(reward["window"], 1);
  const Json& pope = reward["series"][0];
  EXPECT_EQ(pope["method"], "POPE");
  EXPECT_EQ(pope["runs"], 2);
  EXPECT_EQ(pope["x"], Json::array({1.0, 2.0}));
  EXPECT_NEAR(pope["mean"][0].get<double>(), 0.3, 1e-12);
  EXPECT_EQ(pope["low"], Json::array({0.2, 0.4}));
  EXPECT_EQ(pope["high"], Json::array({0.4, 0.5}));
}

TEST(CollectReport, ChartsHaveTheOrderTitlesAndUnitsOfTheMetrics) {
  FakeRuns fake;
  const std::vector<Json> rows = {{{"step", 1},
                                   {"time/learn_s", 1},
                                   {"async/lag_max", 2},
                                   {"grad_norm", 1},
                                   {"entropy/easy", 1},
                                   {"entropy/guided", 1},
                                   {"entropy/unguided", 1},
                                   {"reward/guided", 1},
                                   {"eval/easy/guided/pass@4", 1},
                                   {"eval/hard/unguided/pass@16", 1},
                                   {"eval/hard/unguided/pass@4", 1},
                                   {"ungraded/guided", 1}}};
  std::vector<std::string> main, more;
  const Json trained = collect_report({fake.train("t", "POPE", 1, rows)}, {});
  for (const Json& curve : trained["curves"]) {
    (curve["main"] == true ? main : more)
        .push_back(curve["title"].get<std::string>() + "|" + curve["unit"].get<std::string>());
  }
  EXPECT_THAT(
      main, ElementsAre("pass@16 on hard, unguided|%", "pass@4 on easy, guided|%", "Reward, guided prompts|%",
                        "Entropy, unguided prompts|nats", "Entropy, guided prompts|nats",
                        "Entropy, easy prompts|nats", "Gradient norm|"));
  EXPECT_THAT(more, ElementsAre("Time, forward and backward|s", "Lag of tokens, largest|versions",
                                "pass@4 on hard, unguided|%", "Ungraded rollouts, guided prompts|%"));
  // Of supervised runs alone nothing is folded away.
  const auto sft = fake.run("s", "sft", "SFT", 1);
  write_jsonl(sft / "metrics.jsonl", {{{"step", 1}, {"loss", 2.5}, {"lr", 1e-5}, {"grad_norm", 1}}});
  const Json supervised = collect_report({sft}, {});
  ASSERT_EQ(supervised["curves"].size(), 3u);
  for (const Json& curve : supervised["curves"]) EXPECT_EQ(curve["main"], true);
}

TEST(CollectReport, LongCurvesAreAveragedOverWindows) {
  FakeRuns fake;
  std::vector<Json> rows;
  for (int step = 1; step <= 120; ++step) rows.push_back({{"step", step}, {"grad_norm", step}});
  const Json curve = collect_report({fake.train("a", "POPE", 1, rows)}, {})["curves"][0];
  EXPECT_EQ(curve["window"], 2);  // 120 steps in about 60 points
  const Json& series = curve["series"][0];
  ASSERT_EQ(series["x"].size(), 60u);
  EXPECT_EQ(series["x"][0], 1.5);
  EXPECT_EQ(series["mean"][59], 119.5);
}

TEST(CollectReport, MiningGuidingAndRuns) {
  FakeRuns fake;
  const std::filesystem::path mine = fake.run("m", "mine", "", 1), guide = fake.run("g", "guide", "", 1);
  write_file(mine / "result.json",
             R"({"problems": 5, "classes": {"hard": 3, "easy": 2}, "tokens": 30, "tokens_fixed": 120})");
  write_file(guide / "result.json", R"({"guided": 6, "found": 4, "fallback": 1})");
  write_jsonl(guide / "guided.jsonl",
              {testing::guided("a", 0.05, 8, false), testing::guided("b", 0.55, 8, false),
               testing::guided("c", 0.59, 8, false), testing::guided("d", 1, 8, false),
               testing::guided("e", 0.51, 8, true), testing::guided("f", 0.5, 0, false)});
  const Json report = collect_report({mine, guide, fake.train("t", "POPE", 4, {{{"step", 1}}})}, {});
  EXPECT_EQ(report["mining"][0]["classes"]["hard"], 3);
  // A fall-back and a prefix that was not tried are no prefixes that work.
  EXPECT_EQ(report["guiding"][0]["lengths"], Json::parse(R"({"worked": [1, 0, 0, 0, 0, 2, 0, 0, 0, 1],
                                                           "fallback": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
                                                           "untried": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]})"));
  EXPECT_EQ(report["methods"].size(), 1u);  // mining and guiding are no methods
  EXPECT_EQ(report["runs"][2]["seconds"], 150.0);
  EXPECT_EQ(report["runs"][2]["seed"], "4");
  EXPECT_EQ(report["runs"][2]["version"], "1.2.3");
}

TEST(CollectReport, SettingsThatDiffer) {
  FakeRuns fake;
  const auto settings = [](const char* lr, const char* guided, const char* file) {
    return std::string("optimizer:\n  lr: ") + lr + "\n  betas: [0.9, 0.95]\nmixture:\n  guided: " + guided +
           "\npaths:\n  problems: /some/where/" + file + "\n";
  };
  const Json report = collect_report(
      {fake.train("a", "GRPO", 1, {}, settings("1e-4", "0", "x.jsonl")),
       fake.train("b", "POPE", 1, {}, settings("1e-4", "1", "y.jsonl")),
       fake.train("c", "POPE", 1, {}, settings("3e-4", "1", "y.jsonl")),
       fake.train("d", "GRPO", 2, {}, settings("1e-4", "0", "x.jsonl")), fake.eval("e", "POPE", 1, 0.1, 0.2)},
      {});
  // Of the train runs; run.label and run.seed are in the list of runs, and no paths of the machine.
  ASSERT_EQ(report["differences"].size(), 1u);
  EXPECT_EQ(report["differences"][0], Json::parse(R"({"verb": "train", "rows": [
      {"label": "GRPO", "runs": ["a", "d"],
       "settings": {"optimizer.lr": "1e-4", "mixture.guided": "0", "paths.problems": "x.jsonl"}},
      {"label": "POPE", "runs": ["b"],
       "settings": {"optimizer.lr": "1e-4", "mixture.guided": "1", "paths.problems": "y.jsonl"}},
      {"label": "POPE", "runs": ["c"],
       "settings": {"optimizer.lr": "3e-4", "mixture.guided": "1", "paths.problems": "y.jsonl"}}]})"));
  // Two runs of one label that are no seeds of one method: another lr, the same seed.
  ASSERT_EQ(report["warnings"].size(), 2u);
  EXPECT_THAT(report["warnings"][0].get<std::string>(), HasSubstr("same seed 1"));
  EXPECT_THAT(report["warnings"][1].get<std::string>(), HasSubstr("differ in optimizer.lr"));
}

// Seeds of one method may be made with other batch sizes, where the runs say that these have no say in
// results.
TEST(CollectReport, SettingsThatMayChangeMakeNoOtherMethod) {
  FakeRuns fake;
  const auto run = [&](const char* name, int seed, const char* batch_size, bool said) {
    const std::filesystem::path path = fake.train(
        name, "POPE", seed, {}, std::string("sampling:\n  batch_size: ") + batch_size + "\n  top_k: 0\n");
    Json environment = read_json(path / "environment.json");
    if (said) environment["may_change"] = {"sampling.batch_size"};
    write_file(path / "environment.json", dump(environment));
    return path;
  };
  const std::filesystem::path a = run("a", 1, "8", true), b = run("b", 2, "16", true);
  EXPECT_TRUE(collect_report({a, b}, {})["warnings"].empty());
  const Json warnings = collect_report({run("c", 1, "8", false), run("d", 2, "16", false)}, {})["warnings"];
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0].get<std::string>(), HasSubstr("differ in sampling.batch_size:"));
}

TEST(CollectReport, RolloutsAreLimitedAndBalanced) {
  FakeRuns fake;
  const std::filesystem::path pope = fake.run("p", "eval", "POPE", 1),
                              grpo = fake.run("g", "eval", "GRPO", 1);
  std::vector<Json> many, few;
  for (int i = 0; i < 100; ++i)
    many.push_back(testing::rollout("m" + std::to_string(i), "text", false, false));
  many.push_back(testing::rollout("right", "text", true, true));
  for (int i = 0; i < 3; ++i)
    few.push_back(testing::rollout("f" + std::to_string(i), "text", false, true, "length"));
  write_jsonl(pope / "rollouts" / "hard.jsonl.zst", many);
  write_jsonl(grpo / "rollouts" / "hard.jsonl.zst", few);
  ReportConfig config;
  config.rollouts = 10;
  const Json rollouts = collect_report({grpo, pope}, config)["rollouts"];
  ASSERT_EQ(rollouts.size(), 10u);
  std::map<std::string, int> counts;
  for (const Json& row : rollouts)
    ++counts[row["method"].get<std::string>() + " " + row["verdict"].get<std::string>()];
  EXPECT_EQ(counts,
            (std::map<std::string, int>{{"GRPO truncated", 3}, {"POPE correct", 1}, {"POPE incorrect", 6}}));
  EXPECT_EQ(rollouts[0]["method"], "GRPO");
  EXPECT_EQ(rollouts[1]["guided"], true);
  EXPECT_EQ(rollouts[1]["guidance"], "hint");
  config.rollouts = 0;
  EXPECT_TRUE(collect_report({grpo, pope}, config)["rollouts"].empty());
}

// Links to rollouts hold: whatever else is on the page, wherever the run lies, and as it grows.
TEST(CollectReport, ARolloutKeepsItsId) {
  FakeRuns fake;
  const std::filesystem::path run = fake.run("p", "eval", "POPE", 1),
                              other = fake.run("g", "eval", "GRPO", 1);
  std::vector<Json> rows;
  for (int i = 0; i < 5; ++i) rows.push_back(testing::rollout("m" + std::to_string(i), "text", false, false));
  write_jsonl(run / "rollouts" / "hard.jsonl.zst", rows);
  const auto ids = [](const std::vector<std::filesystem::path>& runs) {
    std::map<std::string, std::string> found;
    const Json report = collect_report(runs, {});
    for (const Json& row : report["rollouts"]) {
      if (row["run"].get<std::string>().ends_with("p")) found[row["problem_id"]] = row["id"];
    }
    return found;
  };
  const std::map<std::string, std::string> before = ids({run});
  ASSERT_EQ(before.size(), 5u);
  EXPECT_THAT(before.at("m0"), ::testing::MatchesRegex("[0-9a-f]{16}"));
  EXPECT_NE(before.at("m0"), before.at("m1"));
  write_jsonl(other / "rollouts" / "hard.jsonl.zst", rows);
  EXPECT_EQ(ids({other, run.string() + "/"}), before);
  const std::filesystem::path copy = fake.folder() / "elsewhere" / "p";
  std::filesystem::create_directories(copy.parent_path());
  std::filesystem::copy(run, copy, std::filesystem::copy_options::recursive);
  EXPECT_EQ(ids({copy}), before);
  rows.insert(rows.begin(), testing::rollout("new", "text", false, false));
  write_jsonl(run / "rollouts" / "hard.jsonl.zst", rows);
  std::map<std::string, std::string> grown = ids({run});
  EXPECT_EQ(grown.erase("new"), 1u);
  EXPECT_EQ(grown, before);
}

TEST(CollectReport, LongTextsLoseTheirMiddle) {
  FakeRuns fake;
  const std::filesystem::path run = fake.run("p", "eval", "POPE", 1);
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "é";  // two bytes each
  write_jsonl(run / "rollouts" / "hard.jsonl", {testing::rollout("a", "x" + text + "end", false, true)});
  const std::string shown = collect_report({run}, {})["rollouts"][0]["completion"];
  EXPECT_LT(shown.size(), 25000u);
  EXPECT_THAT(shown, HasSubstr("bytes left out"));
  EXPECT_TRUE(shown.ends_with("end"));
  EXPECT_EQ(dump(Json(shown)).find("\uFFFD"), std::string::npos);  // no letter is cut in half
}

TEST(CollectReport, TornFilesAreNoted) {
  FakeRuns fake;
  const std::filesystem::path run = fake.train("t", "POPE", 1, {});
  write_file(run / "metrics.jsonl", "{\"step\": 1, \"grad_norm\": 2}\n{\"step\": 2, \"gra");
  write_file(run / "result.json", "{\"half");
  write_file(run / "rollouts" / "a.jsonl", dump(testing::rollout("a", "kept", false, true)) + "\n{\"torn");
  write_file(run / "rollouts" / "b.jsonl.zst", "no zstd");
  const Json report = collect_report({run, fake.run("e", "eval", "POPE", 1)}, {});
  EXPECT_EQ(report["curves"][0]["series"][0]["mean"], Json::array({2.0}));
  EXPECT_EQ(report["rollouts"].size(), 1u);
  ASSERT_EQ(report["warnings"].size(), 5u);
  EXPECT_THAT(report["warnings"][0].get<std::string>(), HasSubstr("result.json is left out"));
  EXPECT_THAT(report["warnings"][1].get<std::string>(), HasSubstr("metrics.jsonl is read up to"));
  EXPECT_THAT(report["warnings"][2].get<std::string>(), HasSubstr("a.jsonl is damaged"));
  EXPECT_THAT(report["warnings"][3].get<std::string>(), HasSubstr("b.jsonl.zst is damaged"));
  EXPECT_EQ(report["warnings"][4], "e: the run is not complete (no result.json)");
}

TEST(CollectReport, RefusesWhatIsNoRun) {
  FakeRuns fake;
  const auto message = [](const std::vector<std::filesystem::path>& paths) -> std::string {
    try {
      collect_report(paths, {});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message({fake.folder() / "nothing"}), HasSubstr("is no run directory: expected a folder"));
  std::filesystem::create_directories(fake.folder() / "empty");
  EXPECT_THAT(message({fake.folder() / "empty"}), HasSubstr("it has no environment.json"));
  EXPECT_THAT(message({}), HasSubstr("at least one run directory"));
  const std::filesystem::path run = fake.run("r", "eval", "x", 1);
  write_file(run / "environment.json", "[]");
  EXPECT_THAT(message({run}), HasSubstr("names no verb"));
}

}  // namespace
}  // namespace pope
