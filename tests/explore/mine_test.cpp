// Mining against a scripted engine: classes, costs, independence of scheduling, resuming, truncation.
#include "explore/mine.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/error.h"
#include "explore/fake_engine.h"

namespace pope {
namespace {

using testing::FakeWorld;
using testing::Outcome;
using testing::problem;
using testing::prompt_text;

MineConfig config_of(int samples, int chunk) {
  MineConfig config;
  config.samples = samples;
  config.chunk = chunk;
  return config;
}

// Success of sample i, by problem: never; the 10th sample only; every third; every second; always.
Outcome script(const std::string& prompt, int sample) {
  const int tokens = 6 + (sample * 7) % 11;
  if (prompt.find("<never>") != std::string::npos) return {false, tokens};
  if (prompt.find("<rare>") != std::string::npos) return {sample == 9, tokens};
  if (prompt.find("<third>") != std::string::npos) return {sample % 3 == 0, tokens};
  if (prompt.find("<half>") != std::string::npos) return {sample % 2 == 0, tokens};
  return {true, tokens};
}

const std::vector<Problem> five = {problem("never"), problem("rare"), problem("third"), problem("half"),
                                   problem("always")};

TEST(Mine, ClassesAndStoppingTimes) {
  FakeWorld world(script);
  const MiningResult result = mine(world.context, config_of(32, 4), five, {}, nullptr);
  ASSERT_EQ(result.problems.size(), 5u);
  // n = 32: hard 0, medium 1–4, easy 5–14, easier 15–25, solved 26–32.
  const auto expect = [&](int i, const char* id, const char* difficulty, int samples, int correct) {
    EXPECT_EQ(result.problems[i].problem.id, id);
    EXPECT_EQ(result.problems[i].difficulty, difficulty) << id;
    EXPECT_EQ(result.problems[i].samples, samples) << id;
    EXPECT_EQ(result.problems[i].correct, correct) << id;
    EXPECT_EQ(result.problems[i].truncated, 0);
  };
  expect(0, "never", "hard", 32, 0);
  expect(1, "rare", "medium", 32, 1);     // 1 of 28 could still become 5
  expect(2, "third", "easy", 28, 10);     // 10 + 4 left = 14
  expect(3, "half", "easier", 32, 16);    // 14 of 28 could still stay below 15
  expect(4, "always", "solved", 28, 28);  // 24 of 24 could still stay below 26
}

TEST(Mine, NumbersDoNotDependOnTheBatch) {
  for (const double error : {0.0, 0.1}) {
    MineConfig config = config_of(32, 4);
    config.error = error;
    std::vector<MiningResult> results;
    for (const int batch : {1, 3, 8, 200}) {
      FakeWorld world(script, batch);
      results.push_back(mine(world.context, config, five, {}, nullptr));
    }
    for (const MiningResult& result : results) {
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(result.problems[i].difficulty, results[0].problems[i].difficulty);
        EXPECT_EQ(result.problems[i].samples, results[0].problems[i].samples);
        EXPECT_EQ(result.problems[i].correct, results[0].problems[i].correct);
        EXPECT_EQ(result.problems[i].tokens, results[0].problems[i].tokens);
      }
      EXPECT_DOUBLE_EQ(result.tokens_fixed, results[0].tokens_fixed);
      EXPECT_GE(result.tokens, results[0].tokens);  // a wide batch samples ahead
    }
  }
}

TEST(Mine, WithAnAllowedErrorProblemsLeaveEarlier) {
  FakeWorld world(script);
  MineConfig config = config_of(32, 4);
  config.error = 0.1;
  const MiningResult result = mine(world.context, config, five, {}, nullptr);
  const char* classes[] = {"hard", "medium", "easy", "easier", "solved"};
  const int samples_without[] = {32, 32, 28, 32, 28};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(result.problems[i].difficulty, classes[i]);
    EXPECT_LT(result.problems[i].samples, samples_without[i]) << classes[i];
  }
}

// A grader that gives no verdict holds chunks back, and they come all at once.
TEST(Mine, ChunksHeldBackAreAllCounted) {
  FakeWorld world(script, 16);
  world.verifier.fails = true;
  const MiningResult result = mine(world.context, config_of(16, 4), {problem("never")}, {}, nullptr);
  EXPECT_EQ(result.problems[0].difficulty, "ungraded");
  EXPECT_EQ(result.problems[0].samples, 16);
  EXPECT_EQ(result.problems[0].ungraded, 16);
}

TEST(Mine, EverySampleOnceAndOneChunkPerProblemWhileOthersWait) {
  FakeWorld world(script, 8);
  mine(world.context, config_of(32, 4), five, {}, nullptr);
  std::map<std::string, int> next_sample;
  std::map<std::string, std::uint64_t> keys;
  std::set<std::uint64_t> distinct;
  for (const Request& request : world.engine.asked) {
    EXPECT_EQ(request.first_sample, next_sample[prompt_text(request)]);
    EXPECT_EQ(request.samples, 4);
    next_sample[prompt_text(request)] += request.samples;
    keys.try_emplace(prompt_text(request), request.rng_key);
    EXPECT_EQ(request.rng_key, keys[prompt_text(request)]);
    distinct.insert(request.rng_key);
  }
  EXPECT_EQ(distinct.size(), 5u);
  // Depth first: with room for two chunks, the first requests are two problems, not two chunks of one.
  EXPECT_NE(prompt_text(world.engine.asked[0]), prompt_text(world.engine.asked[1]));
}

TEST(Mine, SamplesAheadSoThatTheBatchStaysFull) {
  FakeWorld world(script, 16);
  mine(world.context, config_of(32, 4), {problem("never")}, {}, nullptr);
  EXPECT_EQ(world.engine.batch_sizes.front(), 16u);
  int full = 0;
  for (const std::size_t size : world.engine.batch_sizes) full += size == 16;
  EXPECT_EQ(full, 32 - 16 + 1);  // full until the last 16 are in flight
}

TEST(Mine, FinishedProblemsAreSavedAsTheRunGoes) {
  FakeWorld world(script, 4);
  std::vector<std::string> finished;
  std::vector<std::size_t> requests_then;
  mine(world.context, config_of(32, 4), five, {}, [&](const MinedProblem& mined, const std::vector<Json>&) {
    finished.push_back(mined.problem.id);
    requests_then.push_back(world.engine.asked.size());
  });
  ASSERT_EQ(finished.size(), 5u);
  EXPECT_EQ(finished[0], "never");
  EXPECT_LE(requests_then[0], 16u);  // 8 of its own, and one neighbour's while its chunks were finishing
}

TEST(Mine, RecordsCorrectOnesFirst) {
  FakeWorld world(script);
  std::map<std::string, std::vector<Json>> records;
  mine(world.context, config_of(32, 4), five, {},
       [&](const MinedProblem& mined, const std::vector<Json>& kept) { records[mined.problem.id] = kept; });
  const auto samples = [&](const char* id) {
    std::vector<int> numbers;
    for (const Json& row : records[id]) numbers.push_back(row["sample"]);
    return numbers;
  };
  EXPECT_EQ(samples("never"), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(samples("rare"), (std::vector<int>{9, 0, 1, 2}));
  EXPECT_EQ(samples("half"), (std::vector<int>{0, 2, 1, 3}));
  EXPECT_EQ(samples("always"), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(records["rare"][0]["correct"], true);
  EXPECT_EQ(records["rare"][0]["guided"], false);
}

TEST(Mine, ResumesWithoutSamplingAgain) {
  FakeWorld world(script);
  const MiningResult whole = mine(world.context, config_of(32, 4), five, {}, nullptr);
  const std::vector<MinedProblem> done = {whole.problems[3], whole.problems[0]};
  FakeWorld again(script);
  std::vector<std::string> finished;
  const MiningResult result = mine(
      again.context, config_of(32, 4), five, done,
      [&](const MinedProblem& mined, const std::vector<Json>&) { finished.push_back(mined.problem.id); });
  for (const Request& request : again.engine.asked) {
    for (const int i : {0, 3}) EXPECT_EQ(prompt_text(request).find(five[i].statement), std::string::npos);
  }
  EXPECT_EQ(finished.size(), 3u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(result.problems[i].difficulty, whole.problems[i].difficulty);
    EXPECT_EQ(result.problems[i].tokens, whole.problems[i].tokens);
  }
  EXPECT_DOUBLE_EQ(result.tokens_fixed, whole.tokens_fixed);
}

TEST(Mine, TruncatedRolloutsAreFailures) {
  FakeWorld world([](const std::string& prompt, int sample) -> Outcome {
    const bool mixed = prompt.find("<mixed>") != std::string::npos;
    return {true, 9, mixed ? sample != 2 : true};  // correct text, but cut off
  });
  std::vector<Json> kept;
  const MiningResult result = mine(world.context, config_of(8, 4), {problem("cut"), problem("mixed")}, {},
                                   [&](const MinedProblem& mined, const std::vector<Json>& records) {
                                     if (mined.problem.id == "cut") kept = records;
                                   });
  EXPECT_EQ(result.problems[0].correct, 0);
  EXPECT_EQ(result.problems[0].truncated, 8);
  EXPECT_EQ(result.problems[0].difficulty, "truncated");
  EXPECT_EQ(result.problems[1].correct, 1);
  EXPECT_EQ(result.problems[1].difficulty, "medium");
  EXPECT_EQ(kept.at(0)["correct"], false);
  EXPECT_EQ(kept.at(0)["reason"], "truncated after a correct answer");
  const Json json = to_json(result);
  EXPECT_EQ(json["truncated"], 15);
  EXPECT_EQ(json["classes"]["truncated"], 1);
  EXPECT_EQ(json["classes"]["hard"], 0);
}

TEST(Mine, WhatTheVerifierCannotJudgeIsNotHard) {
  FakeWorld world([](const std::string& prompt, int sample) -> Outcome {
    if (prompt.find("<unjudged>") != std::string::npos) return {false, 6, sample == 1};
    return {false, sample == 2 ? 9 : 6};  // one of them is judged, and wrong
  });
  world.verifier.ungraded_below = 8;
  const MiningResult result =
      mine(world.context, config_of(4, 4), {problem("unjudged"), problem("wrong")}, {}, nullptr);
  EXPECT_EQ(result.problems[0].ungraded, 3);  // the truncated one fails anyhow
  EXPECT_EQ(result.problems[0].truncated, 1);
  EXPECT_EQ(result.problems[0].difficulty, "ungraded");
  EXPECT_EQ(result.problems[1].ungraded, 3);
  EXPECT_EQ(result.problems[1].difficulty, "hard");
  EXPECT_EQ(to_json(result)["ungraded"], 6);
  EXPECT_EQ(to_json(result)["classes"]["ungraded"], 1);
  EXPECT_EQ(to_json(result)["classes"]["hard"], 1);
}

TEST(Mine, UnguidedEvenWhenAProblemCarriesGuidance) {
  FakeWorld world(script);
  Problem guided = problem("always");
  guided.guidance = Guidance{.text = "hint"};
  const MiningResult result = mine(world.context, config_of(4, 4), {guided}, {}, nullptr);
  const std::vector<int>& prompt = world.engine.asked[0].prompt;
  const std::string text(prompt.begin(), prompt.end());
  EXPECT_NE(text.find("U[<always>]"), std::string::npos);
  EXPECT_EQ(text.find("hint"), std::string::npos);
  EXPECT_EQ(world.verifier.instructions.at(0), "unguided");
  EXPECT_EQ(result.problems[0].problem.guidance->text, "hint");  // kept
}

TEST(Mine, CostsAndTheFixedEstimate) {
  FakeWorld world([](const std::string&, int) -> Outcome { return {true, 10}; }, 1);
  const MiningResult result = mine(world.context, config_of(32, 4), {problem("always")}, {}, nullptr);
  EXPECT_EQ(result.problems[0].samples, 28);
  EXPECT_EQ(result.problems[0].tokens, 280);
  EXPECT_EQ(result.tokens, 280);
  EXPECT_DOUBLE_EQ(result.tokens_fixed, 320);
  EXPECT_EQ(to_json(result)["classes"]["solved"], 1);
  world.context.sampling.batch_size = 4;  // keeps the batch full: one more chunk is sampled before the stop
  const MiningResult ahead = mine(world.context, config_of(32, 4), {problem("always")}, {}, nullptr);
  EXPECT_EQ(ahead.tokens, 320);
  EXPECT_EQ(ahead.problems[0].tokens, 280);
  MineConfig fixed = config_of(32, 4);
  fixed.adaptive = false;
  EXPECT_EQ(mine(world.context, fixed, {problem("always")}, {}, nullptr).problems[0].samples, 32);
}

TEST(Mine, RefusesImpossibleSettings) {
  FakeWorld world(script);
  EXPECT_THROW(mine(world.context, config_of(0, 4), five, {}, nullptr), Error);
  EXPECT_THROW(mine(world.context, config_of(8, 0), five, {}, nullptr), Error);
  MineConfig crossed;
  crossed.easy_min = 0.6;
  EXPECT_THROW(mine(world.context, crossed, five, {}, nullptr), Error);
}

}  // namespace
}  // namespace pope
