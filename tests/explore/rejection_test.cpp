// Rejection sampling against a scripted engine: which traces are kept, and STaR's second try.
#include "explore/rejection.h"

#include <gtest/gtest.h>

#include <map>

#include "core/error.h"
#include "explore/answer_hint.h"
#include "explore/fake_engine.h"

namespace pope {
namespace {

using testing::FakeWorld;
using testing::Outcome;
using testing::problem;
using Texts = std::vector<std::string>;

Problem guided_problem(const std::string& id) {
  Problem result = problem(id, "the oracle");
  result.guidance = Guidance{.text = "so far"};
  return result;
}

// <easy>: samples 1 and 2 of 4 are right unguided, of one text. <hard>: sample 3, under guidance alone.
// <never>: none.
Outcome script(const std::string& prompt, int sample) {
  const bool guided = prompt.find("D[") != std::string::npos;
  if (prompt.find("<easy>") != std::string::npos) return {sample == 1 || sample == 2, 6};
  if (prompt.find("<hard>") != std::string::npos) return {guided && sample >= 2, 5 + sample};
  return {};
}

CollectConfig config_of(const std::string& prompt, int keep = 1) {
  CollectConfig config;
  config.samples = 4;
  config.keep = keep;
  config.prompt = prompt;
  return config;
}

TEST(Collect, JoinsGuidanceAndCompletion) {
  EXPECT_EQ(join_trace("1 2", "3 4"), "1 2 3 4");
  EXPECT_EQ(join_trace("1 2", " 3"), "1 2 3");
  EXPECT_EQ(join_trace("Let x\n", "be"), "Let x\nbe");
  EXPECT_EQ(join_trace("Let x", ", y"), "Let x, y");
  EXPECT_EQ(join_trace("", "a"), "a");
}

TEST(Collect, KeepsCorrectTracesUnderGuidance) {
  FakeWorld world(script);
  const std::vector<Problem> problems = {guided_problem("hard"), guided_problem("never"), problem("bare")};
  const CollectConfig config = config_of("guided", 3);
  const CollectResult result = collect(world.context, config, problems, {}, nullptr);
  EXPECT_EQ(result.problems[0].correct, 2);
  EXPECT_EQ(result.problems[0].traces, (Texts{"so far right..", "so far right..."}));
  EXPECT_EQ(result.guided, 1);
  EXPECT_EQ(result.unguided, 0);
  EXPECT_EQ(result.without_guidance, 1);
  EXPECT_EQ(world.engine.asked.size(), 2u);
  const std::vector<Problem> rows = trace_problems(config, result);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].id, "hard#2");
  EXPECT_EQ(rows[1].solution, "so far right...");
  EXPECT_FALSE(rows[1].guidance.has_value());
  EXPECT_EQ(rows[1].extra["oracle_solution"], "the oracle");
  EXPECT_EQ(rows[1].extra["collected"], (Json{{"guided", true}, {"samples", 4}, {"correct", 2}}));
  CollectConfig bare = config_of("guided");
  bare.trace = "completion";
  EXPECT_EQ(trace_problems(bare, collect(world.context, bare, problems, {}, nullptr)).at(0).solution,
            "right..");
}

TEST(Collect, StarGuidesWhereUnguidedRolloutsFail) {
  FakeWorld world(script, 3);
  const std::vector<Problem> problems = {guided_problem("easy"), guided_problem("hard"),
                                         guided_problem("never"), problem("bare")};
  std::map<std::string, std::size_t> told;
  const CollectResult result = collect(world.context, config_of("star", 2), problems, {},
                                       [&](const CollectedProblem& one, const std::vector<Json>& records) {
                                         told[one.problem.id] = records.size();
                                       });
  EXPECT_EQ(result.problems[0].traces, (Texts{"right."}));  // both are one text
  EXPECT_FALSE(result.problems[0].guided);
  EXPECT_EQ(result.problems[0].correct, 2);
  EXPECT_EQ(result.problems[1].traces.size(), 2u);
  EXPECT_TRUE(result.problems[1].guided);
  EXPECT_EQ(world.engine.asked.size(), 6u);  // four unguided, two of them again
  EXPECT_EQ(to_json(result), (Json{{"problems", 4},
                                   {"unguided", 1},
                                   {"guided", 1},
                                   {"without_trace", 2},
                                   {"without_guidance", 1},
                                   {"ungraded", 0},
                                   {"traces", 3}}));
  EXPECT_EQ(told.size(), 4u);
  EXPECT_EQ(told["easy"], 4u);
}

// STaR's rationalisation: the answer is the hint, and is in no trace.
TEST(Collect, AnAnswerMayBeTheHint) {
  PromptConfig prompts;
  prompts.unguided = "Q: {problem}";
  add_answer_hint_wording(prompts);
  const std::string text = prompts.all_wordings().at(kAnswerHint).text;
  EXPECT_EQ(text.rfind("Q: {problem}\n\nHint: the final answer is {guidance}.", 0), 0u) << text;
  std::vector<Problem> hinted = with_answer_hints({guided_problem("hard"), problem("bare")});
  ASSERT_TRUE(hinted[1].guidance);
  EXPECT_EQ(hinted[0].guidance->text, "ANSWER");
  EXPECT_EQ(hinted[0].guidance->instruction, kAnswerHint);
  for (Problem& one : hinted) one.guidance->instruction = "default";  // a wording of the world's
  FakeWorld world(script);
  const CollectResult result = collect(world.context, config_of("star_answer"), {hinted[0]}, {}, nullptr);
  EXPECT_TRUE(result.problems[0].guided);
  EXPECT_EQ(result.problems[0].traces, (Texts{"right.."}));
}

TEST(Collect, Resumes) {
  const std::vector<Problem> problems = {guided_problem("easy"), guided_problem("hard")};
  FakeWorld world(script), again(script);
  const CollectResult whole = collect(world.context, config_of("star"), problems, {}, nullptr);
  const CollectResult rest =
      collect(again.context, config_of("star"), problems, {whole.problems[1]}, nullptr);
  EXPECT_EQ(again.engine.asked.size(), 1u);
  EXPECT_EQ(to_json(rest), to_json(whole));
  EXPECT_EQ(rest.problems[1].traces, whole.problems[1].traces);
}

TEST(Collect, RefusesImpossibleSettings) {
  FakeWorld world(script);
  EXPECT_THROW(collect(world.context, config_of("both"), {}, {}, nullptr), Error);
  EXPECT_THROW(collect(world.context, config_of("star", 0), {}, {}, nullptr), Error);
}

}  // namespace
}  // namespace pope
