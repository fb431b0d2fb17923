// The journal of what servers sampled: what comes again, what does not, and whole runs that go on.
#include "learn/journaled_engine.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/temp_dir.h"
#include "learn/bandit.h"
#include "learn/checkpoint.h"
#include "rollout/publishing_engine.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Request request(std::uint64_t stream, std::vector<int> prompt, int first = 0, int samples = 3) {
  return {
      .tag = 4, .rng_key = stream, .prompt = std::move(prompt), .first_sample = first, .samples = samples};
}

// Each sample is told from all others by its logprobs.
class Journal : public testing::Test {
 protected:
  // What comes of these requests in a step; the engine fails after `most` rollouts.
  std::vector<Rollout> sample(std::int64_t t, std::int64_t version, std::vector<Request> requests,
                              int most = 1000, std::optional<std::uint64_t> before = 77) {
    test::FakeEngine engine([&](const Request&, int sample) {
      if (most-- == 0) throw Error("sample", "the servers are gone");
      return Rollout{.tokens = {3, 4 + sample},
                     .logprobs = {-static_cast<float>(++sampled_), std::numeric_limits<float>::quiet_NaN()},
                     .finish = sample == 1 ? FinishReason::length : FinishReason::stop,
                     .policy_version = 5};
    });
    JournaledEngine journaled(engine, run_);
    journaled.turn_to(t, version, before);
    std::vector<Rollout> rollouts;
    std::size_t next = 0;
    const auto ask = [&]() -> std::optional<Request> {
      return next < requests.size() ? std::optional(requests[next++]) : std::nullopt;
    };
    try {
      journaled.run(
          {}, 1, {}, ask, [&](Rollout&& rollout) { rollouts.push_back(std::move(rollout)); }, kAlways);
    } catch (const Error&) {
    }
    asked_ = engine.requests;
    return rollouts;
  }
  fs::path file(int step) const { return run_ / ("journal/step-00000" + std::to_string(step) + ".jsonl"); }

  test::TempFolder folder_{"journal"};
  fs::path run_ = folder_ / "run";
  int sampled_ = 0;
  std::vector<Request> asked_;
};

TEST_F(Journal, WhatWasSampledComesAgainAndTheRestIsAskedFor) {
  const std::vector<Request> requests = {request(~std::uint64_t{0}, {1, 2}, 8), request(2, {1, 2})};
  const std::vector<Rollout> before = sample(3, 5, requests, 4);
  ASSERT_THAT(before, SizeIs(4));
  const std::vector<Rollout> after = sample(3, 5, requests);
  ASSERT_THAT(after, SizeIs(6));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(after[i].tag, 4);
    EXPECT_EQ(after[i].sample, before[i].sample);
    EXPECT_EQ(after[i].tokens, before[i].tokens);
    EXPECT_EQ(after[i].logprobs[0], before[i].logprobs[0]);
    EXPECT_TRUE(std::isnan(after[i].logprobs[1]));
    EXPECT_EQ(after[i].finish, before[i].finish);
    EXPECT_EQ(after[i].policy_version, 5);
  }
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].rng_key, 2);
  EXPECT_EQ(asked_[0].first_sample, 1);
  EXPECT_EQ(asked_[0].samples, 2);
  // All of it is there now: the engine is not even called.
  EXPECT_THAT(sample(3, 5, requests), SizeIs(6));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(Journal, OtherRequestsStepsAndWeightsHaveNothing) {
  const auto asked = [&](std::int64_t t, std::int64_t version, const Request& one) {
    const int before = sampled_;
    sample(t, version, {one});
    return sampled_ - before;
  };
  EXPECT_EQ(asked(3, 5, request(1, {1, 2})), 3);
  EXPECT_EQ(asked(3, 5, request(1, {1, 2})), 0);
  EXPECT_EQ(asked(3, 5, request(2, {1, 2})), 3);
  EXPECT_EQ(asked(3, 5, request(1, {1, 3})), 3);
  EXPECT_EQ(asked(3, 5, request(1, {1, 2}, 2)), 2);  // sample 2 was there
  EXPECT_EQ(asked(3, 6, request(1, {1, 2})), 3);
  EXPECT_EQ(asked(4, 5, request(1, {1, 2})), 3);
}

// The first step of a start has the weights of its checkpoint; the others' follow from the step before.
TEST_F(Journal, AfterAnotherStepBeforeNothingComesAgain) {
  const std::vector<Request> one = {request(1, {1})};
  sample(3, 5, one, 1000, 77);
  for (const auto& [before, count] : std::vector<std::pair<std::optional<std::uint64_t>, int>>{
           {77, 0}, {std::nullopt, 0}, {78, 3}, {77, 0}}) {
    const int sampled = sampled_;
    sample(3, 5, one, 1000, before);
    EXPECT_EQ(sampled_ - sampled, count) << before.value_or(0);
  }
}

TEST_F(Journal, DamageCostsItsLinesAlone) {
  const std::vector<Request> one = {request(1, {1})};
  sample(3, 5, one);
  const std::string content = read_file(file(4));
  for (const auto& [damaged, lost] :
       std::vector<std::pair<std::string, int>>{{content.substr(0, content.size() - 20), 1},
                                                {"nonsense\n[1]\n{\"version\": 5}\n" + content, 0},
                                                {[&] {
                                                   std::string text = content;
                                                   text[text.find("\"tokens\":[3") + 10] = '7';
                                                   return text;
                                                 }(),
                                                 1}}) {
    write_file(file(4), damaged);
    const int before = sampled_;
    testing::internal::CaptureStderr();
    EXPECT_THAT(sample(3, 5, one), SizeIs(3));
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(sampled_ - before, lost);
    if (damaged.ends_with("\n")) {
      EXPECT_THAT(said, HasSubstr("are damaged"));
    }
  }
}

TEST_F(Journal, FilesGoWhenTheyAreOfNoUseAnyMore) {
  const auto files = [&] {
    std::vector<int> steps;
    for (int step = 1; step <= 9; ++step)
      if (fs::exists(file(step))) steps.push_back(step);
    return steps;
  };
  for (const int t : {2, 3, 4, 5}) sample(t, 5, {request(1, {1})});
  EXPECT_THAT(files(), ElementsAre(3, 4, 5, 6));
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 3);
  const std::shared_ptr<const PromptRenderer> prompts = test::tiny_prompts();
  save_checkpoint(run_, 3, *model, Optimizer({}, *model), prompts->tokenizer(), Json::object(), 1);
  sample(3, 5, {request(1, {1})});  // nothing new in step 4
  EXPECT_THAT(files(), ElementsAre(4, 5, 6));
  sample(4, 5, {request(2, {1})});  // something new in step 5: other weights from then on
  EXPECT_THAT(files(), ElementsAre(4, 5));
  test::FakeEngine engine([](const Request&, int) { return Rollout{}; });
  JournaledEngine journaled(engine, run_);
  journaled.turn_to(4, 5, 77);
  journaled.forget();
  EXPECT_THAT(files(), ElementsAre(4));
  JournaledEngine::remove(run_);
  EXPECT_FALSE(fs::exists(run_ / "journal"));
}

// A server with the weights of the policy, which goes away after so many rollouts and tells logprobs that are
// off by so much.
class Server : public PublishingEngine {
 public:
  explicit Server(Engine& engine) : engine_(engine) {}
  void run(const SamplingConfig& sampling, std::uint64_t seed, std::span<const int> stop_tokens,
           const NextRequest& next, const OnRollout& done, const ContinueSampling& go_on) override {
    const auto on_rollout = [&](Rollout&& rollout) {
      if (left-- == 0) throw Error("sample", "the servers are gone");
      ++sampled;
      for (float& logprob : rollout.logprobs) logprob -= off;
      done(std::move(rollout));
    };
    engine_.run(sampling, seed, stop_tokens, next, on_rollout, go_on);
  }
  EngineStats stats() const override { return {}; }
  PublishStats published() const override { return {}; }
  void publish_now() override {}
  void remove_published() override {}

  int left = -1, sampled = 0;  // −1: it stays
  float off = 0;

 private:
  Engine& engine_;
};

TEST(JournaledTraining, AnInterruptedRunIsTheUnbrokenOneAndAsksForNothingTwice) {
  test::TempFolder folder("journaled");
  std::vector<std::vector<at::Tensor>> weights;
  for (const char* name : {"whole", "interrupted"}) {
    test::BanditWorld world;
    Server server(*world.engine);
    world.job.engine = &server;
    world.job.config.save_every = 2;
    if (name == std::string("interrupted")) {
      server.left = 3 * 32 + 10;  // in step 4; the last checkpoint is of step 2
      EXPECT_THROW(world.train(folder / name), Error);
      EXPECT_TRUE(fs::exists(folder / "interrupted/journal/step-000004.jsonl"));
    }
    world.train(folder / name);
    EXPECT_EQ(server.sampled, 6 * 32) << name;
    EXPECT_FALSE(fs::exists(folder / name / "journal"));
    weights.push_back(test::masters_of(*world.job.model));
  }
  // Rounding depends on the batch that a rollout is decoded in, and AdamW enlarges it.
  EXPECT_LT(test::largest_difference(weights[0], weights[1]), 1e-3);
  const std::vector<Json> whole = test::metrics_of(folder / "whole"),
                          interrupted = test::metrics_of(folder / "interrupted");
  ASSERT_THAT(interrupted, SizeIs(whole.size()));
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const char* key : {"step", "tokens/sampled", "rollouts/total", "reward/unguided"})
      EXPECT_EQ(interrupted[i][key], whole[i][key]) << key;
}

TEST(JournaledTraining, WhatCannotBeLearnedFromDoesNotComeAgain) {
  test::TempFolder folder("journaled");
  test::BanditWorld world;
  Server server(*world.engine);
  world.job.engine = &server;
  world.job.config.max_sampler_mismatch = 0.5;
  server.off = 2;
  EXPECT_THROW(world.train(folder / "run"), Error);
  server.off = 0;
  world.train(folder / "run");
  EXPECT_EQ(server.sampled, 7 * 32);
}

// The learning rate's schedule is another one then: step 1 comes again, step 2 has other weights.
TEST(JournaledTraining, WithMoreStepsOnlyTheFirstComesAgain) {
  test::TempFolder folder("journaled");
  int sampled = 0;
  const auto train_steps = [&](int steps, int left) {
    test::BanditWorld world;
    Server server(*world.engine);
    world.job.engine = &server;
    world.job.config.steps = steps;
    server.left = left;
    Options options;
    world.job.config.fields(options);
    RunDir run = RunDir::open(folder / "run", "train", options);
    try {
      train(run, world.job);
    } catch (const Error&) {
      EXPECT_EQ(left, 40);
    }
    sampled += server.sampled;
  };
  train_steps(2, 40);
  train_steps(3, -1);
  EXPECT_EQ(sampled, 40 + 2 * 32);
}

}  // namespace
}  // namespace pope
