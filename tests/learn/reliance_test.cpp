// Reliance on the guidance: the weight by hand, rescoring against single forward passes, and a run that comes
// to rely less on what it is shown.
#include "learn/reliance.h"

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/temp_dir.h"
#include "learn/bandit.h"
#include "learn/policy_gradient.h"
#include "learn/rewards.h"

namespace pope {
namespace {

using test::BanditWorld;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr int kEnd = 0, kYes = 1, kNo = 2;

TEST(Reliance, TheWeightByHand) {
  EXPECT_DOUBLE_EQ(transfer_weight(0.3, 0.3), std::exp(-1));
  EXPECT_DOUBLE_EQ(transfer_weight(0, 0.3), 1);
  EXPECT_DOUBLE_EQ(transfer_weight(-2, 0.3), 1);  // likelier without the guidance
}

GradedRollout graded(std::vector<int> tokens, std::vector<float> logprobs, bool correct) {
  GradedRollout one;
  one.rollout.tokens = std::move(tokens);
  one.rollout.logprobs = std::move(logprobs);
  one.verdict.correct = correct;
  return one;
}

TEST(Reliance, GuidedSuccessesAreRescoredWithoutGuidance) {
  BanditWorld world;
  world.job.objective.reward = "transfer";
  world.job.sampling.temperature = 0.7;
  const Problem& problem = world.job.hard[0];
  const auto bare = [&](const std::vector<int>& tokens) {
    const c10::NoGradGuard no_grad;
    const MicroBatch micro =
        micro_batches({{.prompt = world.job.prompts->render("one two"), .completion = tokens}}, 100)[0];
    return token_logprobs_of(*world.job.model, micro, 0.7).logprobs.mean().item<double>();
  };
  Group guided, unguided;
  guided.prompt = std::make_shared<const Prompt>(make_prompt(*world.job.prompts, problem, true));
  unguided.prompt = std::make_shared<const Prompt>(make_prompt(*world.job.prompts, problem, false));
  guided.rollouts = {graded({kYes, kEnd}, {-0.2f, -0.4f}, true), graded({kNo, kEnd}, {-1, -1}, false),
                     graded({kYes, 6, kEnd}, {-9, -9, -9}, true)};
  unguided.rollouts = {graded({kYes, kEnd}, {-3, -3}, true), graded({kNo, kEnd}, {-1, -1}, false)};
  unguided.joined.push_back({guided.prompt, graded({kYes, kYes, kEnd}, {-0.5f, -0.5f, -0.5f}, true)});
  std::vector<Group> groups = {unguided, guided};
  reward_kinds().at("transfer")(world.job, groups);
  const double first = -0.3 - bare({kYes, kEnd}), joined = -0.5 - bare({kYes, kYes, kEnd});
  ASSERT_GT(first, 0);
  ASSERT_GT(joined, 0);
  ASSERT_THAT(groups[1].rewards, SizeIs(3));
  EXPECT_NEAR(groups[1].rewards[0], std::exp(-first / 0.3), 1e-6);
  EXPECT_EQ(groups[1].rewards[1], 0);
  EXPECT_EQ(groups[1].rewards[2], 1);
  EXPECT_NEAR(groups[1].reliances[0], first, 1e-5);
  EXPECT_LT(groups[1].reliances[1], 0);
  ASSERT_THAT(groups[0].rewards, SizeIs(3));
  EXPECT_EQ(groups[0].rewards[0], 1);  // no guidance, nothing owed
  EXPECT_NEAR(groups[0].rewards[2], std::exp(-joined / 0.3), 1e-6);
  EXPECT_THAT(groups[0].reliances, SizeIs(1));
  set_signal({world.job.objective, *world.job.prompts}, groups[1]);
  const double mean = (groups[1].rewards[0] + 1) / 3;
  EXPECT_DOUBLE_EQ(groups[1].advantages[0], groups[1].rewards[0] - mean);
  EXPECT_DOUBLE_EQ(groups[1].advantages[1], -mean);
}

// Every answer that comes to its end is correct; the rewards tell them apart.
TEST(Reliance, SuccessesThatOweLessAreLearnedFrom) {
  TempDir dir;
  BanditWorld world([](const Problem&, std::string_view) { return true; });
  world.job.objective.reward = "transfer";
  world.job.objective.transfer_temperature = 0.1;
  world.job.mixture = {.unguided = 0, .guided = 1};
  world.job.config.steps = 30;
  world.train(dir / "run");
  const std::vector<Json> rows = test::metrics_of(dir / "run");
  const auto reliance = [&](std::size_t from) {
    double sum = 0;
    for (std::size_t i = from; i < from + 5; ++i) sum += rows[i]["reliance/mean"].get<double>();
    return sum / 5;
  };
  EXPECT_LT(reliance(25), reliance(0));
  EXPECT_GT(rows[29]["reliance/weight"], rows[0]["reliance/weight"]);
}

TEST(Reliance, WhatCannotGoTogetherIsRefused) {
  const auto refused = [](const std::function<void(TrainJob&)>& change) {
    TempDir dir;
    BanditWorld world;
    world.job.objective.reward = "transfer";
    change(world.job);
    return error_of([&] { world.train(dir / "run"); });
  };
  EXPECT_THAT(refused([](TrainJob& job) { job.mixture.guided = 0; }),
              HasSubstr("mixture.guided: expected above 0 with objective.reward=transfer"));
  EXPECT_THAT(refused([](TrainJob& job) { job.config.mode = "async"; }),
              HasSubstr("train.mode: expected sync"));
  EXPECT_THAT(refused([](TrainJob& job) { job.objective.pass_k = 2; }),
              HasSubstr("objective.pass_k: expected 0 with objective.reward=transfer"));
}

}  // namespace
}  // namespace pope
