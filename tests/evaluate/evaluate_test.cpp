// Evaluation against a scripted engine: pass@k by hand, guided and unguided apart, what is kept for reading.
#include "evaluate/evaluate.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "explore/fake_engine.h"

namespace pope {
namespace {

using testing::FakeWorld;
using testing::Outcome;
using testing::problem;

EvalConfig config_of(int samples, std::vector<int> pass_at) {
  EvalConfig config;
  config.samples = samples;
  config.pass_at = std::move(pass_at);
  config.keep_rollouts = 2;
  return config;
}

std::vector<int> correct_of(const SetResult& result) { return to_json(result)["correct"]; }

// p1: 1 of 4 correct; p2: 2 of 4; p0: none. Guided prompts are always right. Lengths 5, 6, 7, 8.
Outcome script(const std::string& prompt, int sample) {
  if (prompt.find("D[") != std::string::npos) return {true, 5 + sample};
  if (prompt.find("<p1>") != std::string::npos) return {sample == 3, 5 + sample};
  if (prompt.find("<p2>") != std::string::npos) return {sample < 2, 5 + sample};
  return {false, 5 + sample, sample == 0};
}

TEST(Evaluate, PassAtKByHand) {
  FakeWorld world(script, 5);
  std::vector<Json> records;
  const SetResult result = evaluate_set(world.context, config_of(4, {1, 2, 8}), "hard",
                                        {problem("p0"), problem("p1"), problem("p2")}, false, {},
                                        [&](const EvaluatedProblem&, const std::vector<Json>& kept) {
                                          records.insert(records.end(), kept.begin(), kept.end());
                                        });
  EXPECT_EQ(correct_of(result), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(to_json(result)["ids"], Json({"p0", "p1", "p2"}));
  ASSERT_EQ(result.pass.size(), 2u);  // 8 > 4 samples is left out
  EXPECT_EQ(result.pass[0].k, 1);
  EXPECT_NEAR(result.pass[0].interval.value, (0 + 1.0 / 4 + 1.0 / 2) / 3, 1e-12);
  // pass@2: 1 − C(3,2)/C(4,2) = 1/2 and 1 − C(2,2)/C(4,2) = 5/6.
  EXPECT_NEAR(result.pass[1].interval.value, (0 + 1.0 / 2 + 5.0 / 6) / 3, 1e-12);
  EXPECT_LT(result.pass[1].interval.low, result.pass[1].interval.value);
  EXPECT_GT(result.pass[1].interval.high, result.pass[1].interval.value);
  EXPECT_DOUBLE_EQ(result.truncated, 1.0 / 12);
  EXPECT_DOUBLE_EQ(result.mean_tokens, 6.5);

  ASSERT_EQ(records.size(), 6u);
  EXPECT_EQ(records[2]["problem_id"], "p1");
  EXPECT_EQ(records[2]["correct"], true);
  EXPECT_EQ(records[2]["sample"], 3);
  EXPECT_EQ(records[2]["set"], "hard");
  EXPECT_EQ(records[3]["correct"], false);

  const Json json = to_json(result);
  EXPECT_EQ(json["set"], "hard");
  EXPECT_EQ(json["pass"][1]["k"], 2);
  EXPECT_NEAR(json["pass"][0]["value"].get<double>(), 0.25, 1e-12);
  EXPECT_EQ(json["level"], 0.95);
  EXPECT_EQ(json["correct"], Json::array({0, 1, 2}));
}

TEST(Evaluate, GuidedTakesOnlyProblemsWithGuidance) {
  FakeWorld world(script, 32);
  Problem guided = problem("p0");
  guided.guidance = Guidance{.text = "hint"};
  const SetResult result =
      evaluate_set(world.context, config_of(4, {1}), "hard", {guided, problem("p1")}, true);
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0].id, "p0");
  EXPECT_TRUE(result.guided);
  EXPECT_EQ(result.pass[0].interval.value, 1.0);
  EXPECT_EQ(world.verifier.instructions.at(0), "default");
  const std::uint64_t guided_key = world.engine.asked.at(0).rng_key;

  const SetResult unguided = evaluate_set(world.context, config_of(4, {1}), "hard", {guided}, false);
  EXPECT_EQ(unguided.pass[0].interval.value, 0.0);
  EXPECT_NE(world.engine.asked.back().rng_key, guided_key);

  const SetResult nothing = evaluate_set(world.context, config_of(4, {1}), "hard", {problem("p1")}, true);
  EXPECT_TRUE(nothing.problems.empty());
  EXPECT_TRUE(nothing.pass.empty());
}

TEST(Evaluate, CountsWhatTheVerifierCannotJudge) {
  FakeWorld world(script);
  world.verifier.ungraded_below = 6;  // the samples of 5 tokens
  const SetResult result = evaluate_set(world.context, config_of(4, {1}), "hard", {problem("p2")}, false);
  EXPECT_EQ(result.problems[0].ungraded, 1);
  EXPECT_DOUBLE_EQ(result.ungraded, 0.25);
  EXPECT_EQ(correct_of(result), (std::vector<int>{1}));
  EXPECT_EQ(to_json(result)["ungraded"], 0.25);
}

TEST(Evaluate, ResumesAtProblems) {
  FakeWorld world(script);
  const std::vector<EvaluatedProblem> done = {{"p1", 1, 0, 0, 26}};
  std::vector<std::string> finished;
  const SetResult result = evaluate_set(
      world.context, config_of(4, {1}), "hard", {problem("p0"), problem("p1"), problem("p2")}, false, done,
      [&](const EvaluatedProblem& p, const std::vector<Json>&) { finished.push_back(p.id); });
  EXPECT_EQ(correct_of(result), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(finished, (std::vector<std::string>{"p0", "p2"}));
  EXPECT_DOUBLE_EQ(result.mean_tokens, 6.5);
}

TEST(Evaluate, TakesTheFirstProblemsOfASet) {
  FakeWorld world(script);
  EvalConfig config = config_of(4, {1});
  config.problems = 2;
  const std::vector<Problem> problems = {problem("p0"), problem("p1"), problem("p2")};
  EXPECT_EQ(correct_of(evaluate_set(world.context, config, "hard", problems, false)),
            (std::vector<int>{0, 1}));
  config.problems = 4;
  EXPECT_EQ(evaluate_set(world.context, config, "hard", problems, false).problems.size(), 3u);
}

TEST(Evaluate, RefusesImpossibleSettings) {
  FakeWorld world(script);
  EXPECT_THROW(evaluate_set(world.context, config_of(0, {1}), "hard", {problem("p0")}, false), Error);
  EvalConfig negative = config_of(4, {1});
  negative.problems = -1;
  EXPECT_THROW(evaluate_set(world.context, negative, "hard", {problem("p0")}, false), Error);
  EXPECT_THROW(evaluate_set(world.context, config_of(4, {0}), "hard", {problem("p0")}, false), Error);
  EXPECT_THROW(evaluate_set(world.context, config_of(4, {8}), "hard", {problem("p0")}, false), Error);
}

// Completions read "right", "right." …: of a's guidance all, of b's none.
TEST(Evaluate, OverlapWithOwnAndAnothersGuidance) {
  FakeWorld world([](const std::string&, int sample) { return Outcome{true, 5 + sample}; });
  std::vector<Problem> problems = {problem("a"), problem("b")};
  problems[0].guidance = Guidance{.text = "right"};
  problems[1].guidance = Guidance{.text = "left"};
  EvalConfig config = config_of(2, {1});
  EXPECT_FALSE(to_json(evaluate_set(world.context, config, "s", problems, false)).contains("overlap"));
  config.overlap = true;
  std::vector<EvaluatedProblem> done;
  const Json result = to_json(evaluate_set(world.context, config, "s", problems, false, {},
                                           [&](const EvaluatedProblem& p, const std::vector<Json>&) {
                                             done.push_back(evaluated_problem(to_json(p)));
                                           }));
  for (const char* measure : {"ngrams", "steps"}) {
    EXPECT_EQ(result["overlap"][measure]["value"], 0.5) << measure;
    EXPECT_EQ(result["overlap"][measure]["chance"], 0.5) << measure;
    EXPECT_EQ(result["overlap"][measure]["values"], Json({1.0, -1.0})) << measure;
  }
  // What was finished before counts as it was.
  EXPECT_EQ(to_json(evaluate_set(world.context, config, "s", problems, false, done)), result);
  // A problem without guidance: there is nothing to compare with.
  problems.push_back(problem("c"));
  EXPECT_FALSE(to_json(evaluate_set(world.context, config, "s", problems, false)).contains("overlap"));
  EXPECT_TRUE(to_json(evaluate_set(world.context, config, "s", problems, true)).contains("overlap"));
}

}  // namespace
}  // namespace pope
