// The prefix search against a scripted engine and hand-cut solutions.
#include "explore/guide.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/error.h"
#include "explore/fake_engine.h"
#include "explore/solution_prefix.h"

namespace pope {
namespace {

using testing::FakeWorld;
using testing::Outcome;
using testing::problem;
using testing::prompt_text;

// Ten lines of ten bytes ("line 0 ab\n" …), 100 bytes: line i ends at 10(i + 1).
std::string ten_lines() {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "line " + std::to_string(i) + " ab\n";
  return text;
}

GuideConfig lines_config(int grid) {
  GuideConfig config;
  config.grid = grid;
  config.boundary = "line";
  config.samples = 3;
  return config;
}

std::vector<int> sizes(const std::vector<Prefix>& prefixes) {
  std::vector<int> result;
  for (const Prefix& prefix : prefixes) result.push_back(static_cast<int>(prefix.text.size()));
  return result;
}

TEST(GridPrefixes, PointsMoveBackToStepEnds) {
  const Problem p = problem("a", ten_lines());
  // Points 12.5, 25, 37.5, 50, 62.5, 75: lines end at 10, 20, 30, 50, 60, 70; the newline is left out.
  const std::vector<Prefix> prefixes = grid_prefixes(p, lines_config(8));
  EXPECT_EQ(sizes(prefixes), (std::vector<int>{9, 19, 29, 49, 59, 69}));
  EXPECT_EQ(prefixes[0].text, "line 0 ab");
  EXPECT_DOUBLE_EQ(prefixes[3].fraction, 0.49);
  // A finer grid than steps: no duplicates; before the first step end, the first step end.
  EXPECT_EQ(sizes(grid_prefixes(p, lines_config(40))), (std::vector<int>{9, 19, 29, 39, 49, 59, 69}));
}

TEST(GridPrefixes, LongestPartAndSingleSteps) {
  GuideConfig config = lines_config(5);
  config.max_fraction = 0.4;
  EXPECT_EQ(sizes(grid_prefixes(problem("a", ten_lines()), config)), (std::vector<int>{19, 39}));
  config.max_fraction = 0.05;  // even the first step is longer
  EXPECT_TRUE(grid_prefixes(problem("a", ten_lines()), config).empty());
  EXPECT_TRUE(grid_prefixes(problem("a", "one line only\n"), lines_config(8)).empty());
}

TEST(GuidanceSources, LeakingPrefixesAreNoCandidates) {
  std::string leaking = ten_lines();
  leaking.replace(31, 6, "ANSWER");  // in the fourth line
  const auto usable = [](const Guidance& g) { return g.text.find("ANSWER") == std::string::npos; };
  const auto candidates = [&](const std::string& solution) {
    return guidance_source("oracle_prefix")
        .candidates(problem("a", solution), lines_config(10), {1, {}}, usable);
  };
  ASSERT_EQ(candidates(leaking).size(), 3u);
  EXPECT_EQ(candidates(leaking)[2].text.size(), 29u);
  EXPECT_EQ(candidates(leaking)[2].kind, "oracle_prefix");
  EXPECT_TRUE(candidates("ANSWER at once\nand more\n").empty());
  FakeWorld world([](const std::string&, int) { return Outcome{}; });
  const GuideResult result = guide(world.context, lines_config(10), {problem("a", leaking)}, {}, nullptr);
  EXPECT_EQ(result.leaks_prevented, 4);  // 40, 50, 60, 70
  EXPECT_THROW(guidance_source("oracle"), Error);
}

// Choices without a search are refused for a source that cannot do without one.
TEST(GuidanceSources, WhatASourceDoesNotReadIsRefused) {
  const auto nothing = [](const Problem&, const GuideConfig&, RngStream, const Usable&) {
    return std::vector<Guidance>{};
  };
  guidance_sources()["searched"] = {.candidates = nothing};
  EXPECT_NO_THROW(check(GuideConfig{.kind = "searched"}));
  EXPECT_THROW(check(GuideConfig{.kind = "searched", .choose = "random"}), Error);
  EXPECT_THROW(check(GuideConfig{.kind = "searched", .fixed_fraction = 0.5}), Error);
  EXPECT_NO_THROW(check(GuideConfig{.choose = "random"}));
  guidance_sources().erase("searched");
}

// Also where a source gives candidates of one length. Those of prefixes are what they were.
TEST(GuidanceSources, EachCandidateHasRandomStreamsOfItsOwn) {
  guidance_sources()["hints"] = {.candidates =
                                     [](const Problem&, const GuideConfig&, RngStream, const Usable&) {
                                       std::vector<Guidance> hints(4);
                                       for (std::size_t i = 0; i < hints.size(); ++i)
                                         hints[i].text = std::vector{"one", "two", "three", "six"}[i];
                                       return hints;
                                     },
                                 .needs_solution = false};
  GuideConfig config;
  config.kind = "hints";
  FakeWorld world([](const std::string&, int) { return Outcome{false}; });
  guide(world.context, config, {problem("p")}, {}, {});
  guidance_sources().erase("hints");
  std::vector<std::uint64_t> keys;
  for (const Request& request : world.engine.asked) keys.push_back(request.rng_key);
  ASSERT_EQ(keys.size(), 4u);
  EXPECT_EQ(std::set<std::uint64_t>(keys.begin(), keys.end()).size(), 4u);
  EXPECT_EQ(keys[0], rng_key_of("guide", "p", 3));
  EXPECT_EQ(keys[2], rng_key_of("guide", "p", 5));
}

TEST(GuidanceSources, GuidanceFromAFileThatStatesTheAnswerIsLeftOut) {
  std::vector<Problem> problems = {problem("a"), problem("b"), problem("c")};
  problems[0].guidance = Guidance{.text = "so it is ANSWER"};
  problems[1].guidance = Guidance{.text = "so it is"};
  int leaks = 0;
  const std::vector<Problem> kept = without_leaks(problems, testing::FakeVerifier(), &leaks);
  EXPECT_EQ(leaks, 1);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_FALSE(kept[0].guidance);
  EXPECT_EQ(kept[1].guidance->text, "so it is");
}

// Correct on the last sample only, when the prompt shows at least `lines` lines of the solution.
testing::FakeEngine::Script works_from(std::map<std::string, int> lines) {
  return [lines = std::move(lines)](const std::string& prompt, int sample) -> Outcome {
    for (const auto& [id, needed] : lines) {
      if (prompt.find("<" + id + ">") == std::string::npos) continue;
      const bool shown = prompt.find("line " + std::to_string(needed - 1)) != std::string::npos;
      return {shown && sample == 2, 5 + sample};
    }
    return {};
  };
}

TEST(Guide, TakesTheShortestPrefixThatWorks) {
  FakeWorld world(works_from({{"one", 1}, {"three", 3}, {"six", 6}}), 4);
  const std::vector<Problem> problems = {problem("six", ten_lines()), problem("one", ten_lines()),
                                         problem("three", ten_lines())};
  std::map<std::string, std::vector<Json>> records;
  const GuideResult result =
      guide(world.context, lines_config(10), problems, {},
            [&](const Problem& p, const std::vector<Json>& kept) { records[p.id] = kept; });
  ASSERT_EQ(result.problems.size(), 3u);
  EXPECT_EQ(result.problems[0].id, "six");
  EXPECT_DOUBLE_EQ(result.problems[0].guidance->fraction, 0.59);
  EXPECT_DOUBLE_EQ(result.problems[1].guidance->fraction, 0.09);
  EXPECT_EQ(result.problems[2].guidance->text, "line 0 ab\nline 1 ab\nline 2 ab");
  EXPECT_EQ(result.problems[2].guidance->samples, 3);
  EXPECT_EQ(result.problems[2].guidance->correct, 1);
  EXPECT_EQ(result.problems[2].guidance->instruction, "");
  EXPECT_EQ(result.problems[2].guidance->kind, "oracle_prefix");
  EXPECT_EQ(result.fallback, 0);
  // No prefix longer than the one that worked is tried: 6 + 1 + 3 attempts of 5 + 6 + 7 tokens.
  EXPECT_EQ(world.engine.asked.size(), 10u);
  EXPECT_EQ(result.tokens, 10 * 18);
  EXPECT_EQ(records["three"].at(0)["correct"], true);
  EXPECT_EQ(records["three"].at(0)["guided"], true);
  EXPECT_EQ(records["three"].at(0)["guidance"], result.problems[2].guidance->text);
  EXPECT_EQ(to_json(result)["found"], 3);
}

TEST(Guide, SeveralProblemsAreInFlight) {
  FakeWorld world(works_from({}), 6);
  std::vector<Problem> problems;
  for (int i = 0; i < 4; ++i) problems.push_back(problem("p" + std::to_string(i), ten_lines()));
  guide(world.context, lines_config(10), problems, {}, nullptr);
  EXPECT_EQ(world.engine.batch_sizes.front(), 6u);
  EXPECT_NE(prompt_text(world.engine.asked[0]).find("<p0>"), std::string::npos);
  EXPECT_NE(prompt_text(world.engine.asked[1]).find("<p1>"), std::string::npos);
}

TEST(Guide, FallsBackToARandomShortPrefix) {
  std::vector<Problem> problems;
  for (int i = 0; i < 40; ++i) problems.push_back(problem("p" + std::to_string(i), ten_lines()));
  problems.push_back(
      problem("coarse", "a line of twenty ab\nand then another one of some length\nthe end\n"));
  FakeWorld world(works_from({}));
  const GuideResult result = guide(world.context, lines_config(10), problems, {}, nullptr);
  EXPECT_EQ(result.fallback, 41);
  ASSERT_EQ(result.problems.size(), 41u);
  std::map<int, int> counts;
  for (int i = 0; i < 40; ++i) ++counts[static_cast<int>(result.problems[i].guidance->text.size())];
  EXPECT_EQ(counts.size(), 2u);  // 9 and 19 of 100 bytes are shorter than a quarter; both are drawn
  EXPECT_GT(counts[9], 0);
  EXPECT_GT(counts[19], 0);
  EXPECT_EQ(result.problems[40].guidance->text, "a line of");  // its first step is longer: cut at a word
  EXPECT_EQ(result.problems[40].guidance->samples, 0);         // which the search had not sampled
  EXPECT_EQ(result.problems[0].guidance->samples, 3);
  EXPECT_EQ(result.problems[0].guidance->correct, 0);
  EXPECT_TRUE(result.problems[40].guidance->fallback);
  EXPECT_EQ(to_json(result)["found"], 0);
  // The same seed gives the same choice.
  FakeWorld again(works_from({}), 5);
  const GuideResult second = guide(again.context, lines_config(10), problems, {}, nullptr);
  for (int i = 0; i < 41; ++i)
    EXPECT_EQ(second.problems[i].guidance->text, result.problems[i].guidance->text);
}

// A coarse grid has one candidate below a quarter; the fall-back is drawn from all steps there.
TEST(Guide, TheFallbackIsDrawnFromAllSteps) {
  std::vector<Problem> problems;
  for (int i = 0; i < 40; ++i) problems.push_back(problem("p" + std::to_string(i), ten_lines()));
  FakeWorld world(works_from({}));
  const GuideResult result = guide(world.context, lines_config(5), problems, {}, nullptr);
  std::map<int, int> samples;  // by length
  for (const Problem& p : result.problems)
    samples[static_cast<int>(p.guidance->text.size())] = p.guidance->samples;
  EXPECT_EQ(samples, (std::map<int, int>{{9, 0}, {19, 3}}));  // 19 was a candidate
}

TEST(Guide, WhatTheVerifierCannotJudgeIsCounted) {
  FakeWorld world(works_from({{"two", 2}}));
  world.verifier.ungraded_below = 7;  // samples of 5 and 6 tokens
  const GuideResult result =
      guide(world.context, lines_config(10), {problem("two", ten_lines())}, {}, nullptr);
  EXPECT_EQ(result.problems[0].guidance->ungraded, 4);  // of the two prefixes tried
  EXPECT_EQ(result.problems[0].guidance->correct, 1);
  EXPECT_EQ(to_json(result)["ungraded"], 4);
}

// A prompt of "D[statement|guidance]" and its completion must fit.
TEST(Guide, PrefixesThatDoNotFitTheContextAreNotTried) {
  FakeWorld world(works_from({}));
  world.context.sampling.max_new_tokens = 20;
  const Problem one = problem("one", ten_lines());
  Problem with_40 = one;
  with_40.guidance = Guidance{.text = std::string(40, 'x')};
  const auto longest = static_cast<std::int64_t>(prompt_for(world.context, with_40, true)->sample.size());
  world.engine.longest = longest + 20;
  guide(world.context, lines_config(10), {one}, {}, nullptr);
  EXPECT_EQ(world.engine.asked.size(), 4u);  // 9, 19, 29 and 39 bytes
}

TEST(Guide, ProblemsThatDoNotFitTheContextAreLeftOut) {
  FakeWorld world(works_from({}));
  world.context.sampling.max_new_tokens = 20;
  const std::vector<Problem> problems = {problem("long", ten_lines()), problem("short", "x")};
  Problem long_statement = problems[0];
  long_statement.statement = std::string(100, 's');
  world.engine.longest = 60;
  int too_long = 0;
  const std::vector<Problem> kept = within_context({long_statement, problems[1]}, world.context, &too_long);
  EXPECT_EQ(too_long, 1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].id, "short");
  EXPECT_THROW(within_context({long_statement}, world.context), Error);
}

TEST(Guide, SkipsAreCountedAndReported) {
  FakeWorld world(works_from({{"good", 2}}));
  const std::vector<Problem> problems = {problem("none"), problem("single", "one step"),
                                         problem("good", ten_lines()),
                                         problem("leak", "ANSWER\nsecond\nthird and longer\n")};
  std::map<std::string, bool> guided;
  const GuideResult result =
      guide(world.context, lines_config(10), problems, {},
            [&](const Problem& p, const std::vector<Json>&) { guided[p.id] = p.guidance.has_value(); });
  EXPECT_EQ(result.without_solution, 1);
  EXPECT_EQ(result.without_prefix, 2);
  EXPECT_EQ(result.leaks_prevented, 2);
  EXPECT_EQ(guided, (std::map<std::string, bool>{
                        {"none", false}, {"single", false}, {"good", true}, {"leak", false}}));
  ASSERT_EQ(result.problems.size(), 1u);
}

// A solution of one step has no prefix that ends at a step: it gets the fall-back, cut at a word, unsampled.
TEST(Guide, OneLongStepGetsAPartOfIt) {
  FakeWorld world(works_from({}));
  const Problem one = problem("one", "one long step of many words that never ends");
  const GuideResult result = guide(world.context, lines_config(10), {one}, {}, nullptr);
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0].guidance->text, "one long");  // 8 of 43 bytes; with "step" 13
  EXPECT_EQ(result.problems[0].guidance->samples, 0);
  EXPECT_EQ(result.fallback, 1);
  EXPECT_TRUE(world.engine.asked.empty());
}

TEST(Guide, Resumes) {
  const auto script = works_from({{"a", 2}, {"b", 4}});
  const std::vector<Problem> problems = {problem("a", ten_lines()), problem("none"),
                                         problem("b", ten_lines()), problem("c", ten_lines())};
  FakeWorld world(script);
  const GuideResult whole = guide(world.context, lines_config(10), problems, {}, nullptr);
  FakeWorld again(script);
  const std::vector<Problem> done = {whole.problems[2], problems[1], whole.problems[0]};  // c, none, a
  std::vector<std::string> finished;
  const GuideResult result =
      guide(again.context, lines_config(10), problems, done,
            [&](const Problem& p, const std::vector<Json>&) { finished.push_back(p.id); });
  EXPECT_EQ(finished, (std::vector<std::string>{"b"}));
  EXPECT_EQ(again.engine.asked.size(), 4u);
  ASSERT_EQ(result.problems.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(result.problems[i].guidance->text, whole.problems[i].guidance->text);
  EXPECT_EQ(result.without_solution, 1);
  EXPECT_EQ(result.fallback, 1);
}

TEST(Guide, FixedAndRandomPrefixesAreNotSampled) {
  FakeWorld world(works_from({}));
  GuideConfig config = lines_config(10);
  config.fixed_fraction = 0.51;
  std::string leaking = ten_lines();
  leaking.replace(31, 6, "ANSWER");
  GuideResult result =
      guide(world.context, config, {problem("a", ten_lines()), problem("b", leaking)}, {}, nullptr);
  EXPECT_DOUBLE_EQ(result.problems[0].guidance->fraction, 0.49);
  EXPECT_DOUBLE_EQ(result.problems[1].guidance->fraction, 0.29);  // the longest that does not leak
  EXPECT_EQ(result.problems[0].guidance->samples, 0);
  EXPECT_EQ(result.fallback, 0);
  EXPECT_EQ(result.unsampled, 2);
  EXPECT_EQ(to_json(result)["found"], 0);

  config = lines_config(10);
  config.choose = "random";
  std::vector<Problem> problems;
  for (int i = 0; i < 60; ++i) problems.push_back(problem("p" + std::to_string(i), ten_lines()));
  result = guide(world.context, config, problems, {}, nullptr);
  std::map<int, int> counts;
  for (const Problem& p : result.problems) ++counts[static_cast<int>(p.guidance->text.size())];
  EXPECT_EQ(counts.size(), 7u);  // 9, 19, …, 69
  EXPECT_TRUE(world.engine.asked.empty());
}

TEST(Guide, SeveralRandomPrefixesOfAProblemWithinBounds) {
  FakeWorld world(works_from({}));
  GuideConfig config = lines_config(10);
  config.choose = "random";
  config.min_fraction = 0.4;  // 49, 59, 69 and 79 of 100 bytes are left
  config.max_fraction = 0.8;
  config.per_problem = 2;
  config.kind = "self_prefix";
  std::vector<Problem> problems;
  for (int i = 0; i < 30; ++i) problems.push_back(problem("p" + std::to_string(i), ten_lines()));
  int told = 0;
  const auto count = [&](const Problem&, const std::vector<Json>&) { ++told; };
  const GuideResult result = guide(world.context, config, problems, {}, count);
  ASSERT_EQ(result.problems.size(), 60u);
  EXPECT_EQ(told, 30);
  std::map<int, int> counts;
  for (std::size_t i = 0; i < 60; i += 2) {
    const Problem &first = result.problems[i], &second = result.problems[i + 1];
    EXPECT_EQ(first.id, problems[i / 2].id + "#1");
    EXPECT_EQ(second.id, problems[i / 2].id + "#2");
    EXPECT_EQ(first.guidance->kind, "self_prefix");
    EXPECT_LT(first.guidance->text.size(), second.guidance->text.size());
    for (const Problem* p : {&first, &second}) ++counts[static_cast<int>(p->guidance->text.size())];
  }
  EXPECT_EQ(counts.size(), 4u);  // 49, 59, 69, 79 bytes
  EXPECT_EQ(counts.begin()->first, 49);
  // What was done before is made again, and not told again.
  EXPECT_EQ(guide(world.context, config, problems, problems, count).problems.size(), 60u);
  EXPECT_EQ(told, 30);
}

TEST(Guide, APrefixMayHaveToWorkMoreThanOnce) {
  // Correct: 1 of 4 under two lines, 3 of 4 under four lines.
  FakeWorld world([](const std::string& prompt, int sample) -> Outcome {
    const bool four = prompt.find("line 3") != std::string::npos,
               two = prompt.find("line 1") != std::string::npos;
    return {sample < (four ? 3 : two ? 1 : 0), 5};
  });
  GuideConfig config = lines_config(10);
  config.samples = 4;
  const auto fraction = [&](double rate) {
    config.min_rate = rate;
    return guide(world.context, config, {problem("a", ten_lines())}, {}, nullptr)
        .problems.at(0)
        .guidance->fraction;
  };
  EXPECT_DOUBLE_EQ(fraction(0), 0.19);
  EXPECT_DOUBLE_EQ(fraction(0.25), 0.19);
  EXPECT_DOUBLE_EQ(fraction(0.3), 0.39);
  EXPECT_DOUBLE_EQ(fraction(0.75), 0.39);
  EXPECT_LT(fraction(0.8), 0.25);  // none: the random short one
}

TEST(Guide, TheInstructionReachesPromptAndVerifier) {
  FakeWorld world(works_from({{"a", 1}}), 32, "silent");
  guide(world.context, lines_config(10), {problem("a", ten_lines())}, {}, nullptr);
  const std::vector<int>& prompt = world.engine.asked.at(0).prompt;
  EXPECT_NE(std::string(prompt.begin(), prompt.end()).find("S[<a>|line 0 ab]"), std::string::npos);
  EXPECT_EQ(world.verifier.instructions.at(0), "silent");
}

TEST(Guide, RefusesImpossibleSettings) {
  FakeWorld world(works_from({}));
  GuideConfig config;
  config.choose = "longest";
  EXPECT_THROW(guide(world.context, config, {}, {}, nullptr), Error);
  config = GuideConfig();
  config.fallback_fraction = -1;
  EXPECT_THROW(guide(world.context, config, {}, {}, nullptr), Error);
  config = GuideConfig();
  config.grid = 0;
  EXPECT_THROW(guide(world.context, config, {}, {}, nullptr), Error);
}

}  // namespace
}  // namespace pope
