// Grading on threads beside the sampler gives what grading in place gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>
#include <thread>

#include "core/error.h"
#include "explore/fake_engine.h"
#include "explore/rejection.h"

namespace pope {
namespace {

using testing::FakeVerifier;
using testing::FakeWorld;
using testing::Outcome;
using testing::problem;

// Takes its time, another one for each call; counts how many work at once.
class SlowVerifier : public Verifier {
 public:
  explicit SlowVerifier(bool fails = false, bool judges = true) : fails_(fails), judges_(judges) {}
  int parallel() const override { return 3; }
  Verdict verify(const Problem&, std::string_view completion) const override {
    const int now = ++working_;
    for (int most = most_; most < now && !most_.compare_exchange_weak(most, now);) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 * (++calls_ % 7)));
    --working_;
    if (fails_) throw Error("grader", "gone");
    Verdict verdict;
    verdict.correct = judges_ && completion.starts_with("right");
    verdict.ungraded = !judges_;
    if (!judges_) verdict.reason = "no connection";
    return verdict;
  }
  int most() const { return most_; }

 private:
  bool fails_, judges_;
  mutable std::atomic<int> working_ = 0, most_ = 0, calls_ = 0;
};

// p0 never, p1 at sample 9, p2 always.
Outcome script(const std::string& prompt, int sample) {
  const bool correct =
      prompt.find("p2") != std::string::npos || (prompt.find("p1") != std::string::npos && sample == 9);
  return {correct, 5 + sample % 4};
}

TEST(Grading, ThreadsGiveEachProblemTheSame) {
  const std::vector<Problem> problems = {problem("p0"), problem("p1"), problem("p2")};
  MineConfig config;
  config.samples = 16;
  config.chunk = 4;
  FakeWorld inline_world(script, 8), world(script, 8);
  const MiningResult expected = mine(inline_world.context, config, problems, {}, {});
  const SlowVerifier slow;
  RolloutContext context{world.engine, world.prompts, slow, world.context.sampling, {}, 7};
  const MiningResult result = mine(context, config, problems, {}, {});
  ASSERT_EQ(result.problems.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.problems[i].correct, expected.problems[i].correct) << i;
    EXPECT_EQ(result.problems[i].samples, expected.problems[i].samples) << i;
    EXPECT_EQ(result.problems[i].difficulty, expected.problems[i].difficulty) << i;
  }
  EXPECT_GT(slow.most(), 1);
  EXPECT_LE(slow.most(), 3);
}

TEST(Grading, SamplingWaitsForSlowGraders) {
  FakeWorld world(script, 400);
  const SlowVerifier slow;
  const RolloutContext context{world.engine, world.prompts, slow, world.context.sampling, {}, 7};
  const std::shared_ptr<const Prompt> prompt = prompt_for(context, problem("p0"), false);
  int asked = 0, arrived = 0, graded = 0, most = 0;
  sample_and_grade(
      context,
      [&]() -> std::optional<Work> {
        if (asked++ > 0) return std::nullopt;
        return Work{.prompt = prompt, .samples = 400};
      },
      [&](Sampled&& sampled) { arrived += static_cast<int>(sampled.rollouts.size()); },
      [&](std::size_t, const GradedRollout&) { most = std::max(most, world.engine.finished - graded++); });
  EXPECT_EQ(arrived, 400);
  EXPECT_LE(most, 3 * 32 + 1);
}

TEST(Grading, AnErrorOfTheVerifierEndsTheRun) {
  FakeWorld world(script, 8);
  const SlowVerifier broken(true);
  RolloutContext context{world.engine, world.prompts, broken, world.context.sampling, {}, 7};
  EXPECT_THROW(mine(context, {}, {problem("p0")}, {}, {}), Error);
}

TEST(Grading, AGraderThatJudgesNothingEndsTheRun) {
  FakeWorld world(script, 8);
  const SlowVerifier dead(false, false);
  RolloutContext context{world.engine, world.prompts, dead, world.context.sampling, {}, 7};
  EXPECT_THAT(
      [&] {
        mine(context, {}, {problem("p0"), problem("p1")}, {}, {});
      },
      ::testing::ThrowsMessage<Error>(
          ::testing::HasSubstr("the first 32 completions could not be judged: no connection")));
}

// Judges completions of some problems, and fails on the others as a dead grader does.
class DyingVerifier : public Verifier {
 public:
  explicit DyingVerifier(std::set<std::string> fails_on) : fails_on_(std::move(fails_on)) {}
  int parallel() const override { return 1; }
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    Verdict verdict{completion.starts_with("right"), "", "judged"};
    if (!fails_on_.contains(problem.id)) return verdict;
    return {.reason = "did not answer", .ungraded = true, .failed = true};
  }

 private:
  std::set<std::string> fails_on_;
};

std::vector<std::string> collected_ids(const Verifier& verifier, const std::vector<Problem>& problems,
                                       std::string* error) {
  FakeWorld world(script, 1);  // one after the other
  const RolloutContext context{world.engine, world.prompts, verifier, world.context.sampling, {}, 7};
  const CollectConfig config{.samples = 40, .prompt = "unguided"};
  std::vector<std::string> finished;
  try {
    collect(context, config, problems, {}, [&](const CollectedProblem& one, const std::vector<Json>&) {
      finished.push_back(one.problem.id);
    });
  } catch (const Error& caught) {
    *error = caught.what();
  }
  return finished;
}

// What it did not judge is not taken for failures: the run goes on there once the grader is mended.
TEST(Grading, AGraderThatDiesEndsTheRun) {
  const std::vector<Problem> problems = {problem("p1"), problem("p2"), problem("p3"), problem("p4"),
                                         problem("p5")};
  std::string error;
  EXPECT_EQ(collected_ids(DyingVerifier({"p3", "p4", "p5"}), problems, &error),
            (std::vector<std::string>{"p1", "p2"}));
  EXPECT_NE(error.find("the last 41 completions could not be judged: did not answer"), std::string::npos)
      << error;
}

TEST(Grading, AGraderMayFailOnAProblem) {
  const std::vector<Problem> problems = {problem("p1"), problem("p2"), problem("p3")};
  std::string error;
  EXPECT_EQ(collected_ids(DyingVerifier({"p2"}), problems, &error),
            (std::vector<std::string>{"p1", "p2", "p3"}));
  EXPECT_EQ(collected_ids(DyingVerifier({"p3"}), problems, &error).size(), 3u);  // with nothing after it
  EXPECT_EQ(error, "");
}

// A system that gives no more threads, as with too many graders.
TEST(Grading, ThreadsThatCannotStartAreAnError) {
  const auto grade_with_many = [] {
    class Many : public FakeVerifier {
      int parallel() const override { return 1000; }
    };
    std::ifstream pages("/proc/self/statm");
    rlim_t used = 0;
    pages >> used;
    const rlim_t most = used * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{200} << 20);
    const rlimit limit{most, most};
    setrlimit(RLIMIT_AS, &limit);
    FakeWorld world(script, 8);
    const Many many;
    const RolloutContext context{world.engine, world.prompts, many, world.context.sampling, {}, 7};
    try {
      mine(context, {}, {problem("p0")}, {}, {});
    } catch (const Error& error) {
      std::fputs(error.what(), stderr);
      _exit(7);
    }
    _exit(0);
  };
  EXPECT_EXIT(grade_with_many(), ::testing::ExitedWithCode(7), "of 1000: .*\n.*lower verify.workers");
}

// Gives sample 0 of each request as often as it is told.
class Repeating : public Engine {
 public:
  explicit Repeating(int times) : times_(times) {}
  void run(const SamplingConfig&, std::uint64_t, std::span<const int>, const NextRequest& next,
           const OnRollout& done, const ContinueSampling& go_on) override {
    while (go_on()) {
      const std::optional<Request> request = next();
      if (!request) return;
      for (int i = 0; i < times_; ++i) done({.tag = request->tag, .tokens = {'x'}});
    }
  }
  EngineStats stats() const override { return {}; }

 private:
  int times_;
};

// A grader gives up when a stop is requested: what it says then is no verdict, in a replay either.
TEST(Grading, WhatAGraderSaysOfAStopIsNotUsed) {
  class Stopped : public Verifier {
   public:
    int parallel() const override { return 1; }
    Verdict verify(const Problem&, std::string_view) const override {
      Verdict verdict;
      if (++calls_ == 3) {
        ::raise(SIGTERM);
        verdict.ungraded = true;
      }
      return verdict;
    }

   private:
    mutable std::atomic<int> calls_ = 0;
  };
  for (const bool in_turn : {true, false}) {
    const CatchInterrupts catch_interrupts;
    FakeWorld world(script);
    const Stopped verifier;
    RolloutContext context{world.engine, world.prompts, verifier, world.context.sampling, {}, 7};
    context.grade_in_turn = in_turn;
    int given = 0;
    const auto all = [&] {
      sample_and_grade(
          context,
          [&]() -> std::optional<Work> {
            if (given++ > 0) return std::nullopt;
            return Work{.prompt = prompt_for(context, problem("p0"), false), .samples = 8};
          },
          [](Sampled&&) { FAIL() << "kept"; },
          [](std::size_t, const GradedRollout& graded) { EXPECT_FALSE(graded.verdict.ungraded); });
    };
    EXPECT_THROW(all(), Interrupted) << in_turn;
  }
}

TEST(Sampling, EachRolloutComesOnce) {
  FakeWorld world(script, 8);
  const auto sample = [&](int times, bool stops) {
    Repeating engine(times);
    RolloutContext context{engine, world.prompts, world.verifier, world.context.sampling, {}, 7};
    int asked = 0, done = 0;
    if (stops) context.go_on = [&] { return asked == 0; };
    sample_and_grade(
        context,
        [&]() -> std::optional<Work> {
          if (asked++ > 0) return std::nullopt;
          return Work{.prompt = prompt_for(world.context, problem("p0"), false),
                      .samples = times == 1 ? 2 : 3};
        },
        [&](Sampled&&) { ++done; });
    return done;
  };
  EXPECT_THROW(sample(2, false), Error);  // twice
  EXPECT_THROW(sample(1, false), Error);  // one of two is missing
  EXPECT_EQ(sample(1, true), 0);          // stopped: what is in flight is lost
}

}  // namespace
}  // namespace pope
