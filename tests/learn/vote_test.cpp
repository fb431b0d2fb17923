// Majority vote and M-GRPO: majorities and quartiles by hand, advantages of the policy's rollouts alone,
// whole runs, and runs that go on from a checkpoint.
#include "learn/vote.h"

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "core/temp_dir.h"
#include "learn/bandit.h"
#include "learn/group_source.h"
#include "learn/mixture_curriculum.h"
#include "learn/policy_gradient.h"
#include "learn/rewards.h"
#include "model/copy_model.h"
#include "verify/math.h"

namespace pope {
namespace {

using test::BanditWorld;
using test::metrics_of;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kEnd = 0, kYes = 1, kNo = 2, kOne = 3, kTwo = 4;

GradedRollout answer(const std::string& extracted, bool correct = false, bool truncated = false) {
  GradedRollout graded;
  graded.verdict.extracted = extracted;
  graded.verdict.correct = correct;
  graded.rollout.tokens = {kYes, kEnd};
  graded.rollout.logprobs = {-1, -1};
  graded.rollout.finish = truncated ? FinishReason::length : FinishReason::stop;
  return graded;
}

std::vector<const GradedRollout*> pointers(const std::vector<GradedRollout>& rollouts) {
  std::vector<const GradedRollout*> all;
  for (const GradedRollout& graded : rollouts) all.push_back(&graded);
  return all;
}

TEST(Majority, AnswersAreGroupedAsTheVerifierCompares) {
  const std::unique_ptr<Verifier> verifier = make_math_verifier({});
  const auto majority = [&](const std::vector<GradedRollout>& rollouts) {
    return majority_of(*verifier, {}, pointers(rollouts));
  };
  // Halves three times, thirds twice.
  EXPECT_THAT(majority({answer("1/3"), answer("0.5"), answer("\\frac{1}{2}"), answer("2/6"), answer("2/4")}),
              ElementsAre(1, 2, 4));
  EXPECT_THAT(majority({answer("7"), answer("8"), answer("8"), answer("7")}), ElementsAre(0, 3));  // a tie
  EXPECT_THAT(majority({answer(""), answer(""), answer("5")}), ElementsAre(2));  // nothing is no answer
  EXPECT_THAT(majority({answer("5", true, true), answer("5", true, true), answer("4")}), ElementsAre(2));
  EXPECT_THAT(majority({answer(""), answer("5", false, true)}), IsEmpty());
}

TEST(Majority, LowOutliersByHand) {
  // Sorted 1 2 3 4 5: quartiles 2 and 4.
  EXPECT_DOUBLE_EQ(low_outlier_bound({5, 1, 4, 2, 3}, 0.75), 2 - 0.75 * 2);
  // 0 1 2 9: quartiles 0.75 and 3.75.
  EXPECT_DOUBLE_EQ(low_outlier_bound({9, 0, 2, 1}, 0.75), 0.75 - 0.75 * 3);
  EXPECT_DOUBLE_EQ(low_outlier_bound({3, 3, 3}, 0.75), 3);
}

// Of the policy "one" twice and "yes" once, of the momentum policy "yes" twice: yes wins, and only the
// policy's rollouts are in the baseline.
TEST(Majority, TheAdvantageIsOverThePolicysRollouts) {
  BanditWorld world;
  world.job.objective.reward = "majority";
  Group group;
  group.prompt = std::make_shared<const Prompt>(Prompt{.sample = {kOne}, .train = {kOne}});
  group.rollouts = {answer("one"), answer("yes", true), answer("one")};
  group.voters = {answer("yes", true), answer("yes", true)};
  std::vector<Group> groups = {group};
  reward_kinds().at("majority")(world.job, groups);
  EXPECT_THAT(groups[0].rewards, ElementsAre(0, 1, 0));
  EXPECT_DOUBLE_EQ(groups[0].majority->share, 0.6);
  EXPECT_TRUE(groups[0].majority->correct);
  set_signal({world.job.objective, *world.job.prompts}, groups[0]);
  EXPECT_THAT(groups[0].advantages, ElementsAre(DoubleEq(-1 / 3.0), DoubleEq(2 / 3.0), DoubleEq(-1 / 3.0)));
  EXPECT_THAT(groups[0].sequences, SizeIs(3));

  // One that is dropped is neither in the baseline nor learned from.
  groups[0].dropped = {true, false, false};
  set_signal({world.job.objective, *world.job.prompts}, groups[0]);
  EXPECT_THAT(groups[0].advantages, ElementsAre(0, 0.5, -0.5));
  EXPECT_THAT(groups[0].sequences, SizeIs(2));

  // The verdicts play no part.
  for (GradedRollout& graded : groups[0].rollouts) graded.verdict.correct = !graded.verdict.correct;
  groups[0].dropped.clear();
  reward_kinds().at("majority")(world.job, groups);
  EXPECT_THAT(groups[0].rewards, ElementsAre(0, 1, 0));
}

const std::vector<std::vector<int>> kSamples = {{kYes, kNo, kEnd}, {kNo, kEnd},  {5, 6, 7},   {6, 6, 6},
                                                {7, kEnd},         {8, 8, kEnd}, {kTwo, kEnd}};

// Of each of these samples the mean entropy per token, one at a time.
std::vector<double> entropies_of(const BanditWorld& world, const std::vector<std::vector<int>>& samples) {
  const c10::NoGradGuard no_grad;
  std::vector<double> entropies;
  for (const std::vector<int>& tokens : samples) {
    const Sequence s = {.prompt = {kOne}, .completion = tokens};
    entropies.push_back(
        token_logprobs_of(*world.job.model, micro_batches({s}, 100)[0], 1).entropy.mean().item<double>());
  }
  return entropies;
}

// The entropy at each position follows from the tokens before it: of seven rollouts, voters included, those
// whose mean under the policy is a low outlier are dropped.
TEST(Majority, RolloutsOfLowEntropyAreDropped) {
  BanditWorld world;
  world.job.objective.reward = "majority";
  world.job.vote.drop_below = 0.1;
  Group group;
  group.prompt = std::make_shared<const Prompt>(Prompt{.sample = {kOne}, .train = {kOne}});
  for (const std::vector<int>& tokens : kSamples) {
    GradedRollout graded = answer("yes");
    graded.rollout.tokens = tokens;
    (group.rollouts.size() < 5 ? group.rollouts : group.voters).push_back(graded);
  }
  const std::vector<double> entropies = entropies_of(world, kSamples);
  const double bound = low_outlier_bound(entropies, 0.1);
  std::vector<bool> want;
  for (std::size_t i = 0; i < 5; ++i) want.push_back(entropies[i] < bound);
  std::vector<Group> groups = {group, group};
  vote(world.job, groups);
  ASSERT_GT(std::count(want.begin(), want.end(), true), 0);
  EXPECT_EQ(groups[0].dropped, want);
  EXPECT_EQ(groups[1].dropped, want);  // the second group's own values
}

// Both rollouts of the policy are low outliers beside its voters: an advantage needs two, so both stay.
TEST(Majority, AGroupOfWhichTooFewWouldStayIsLeftWhole) {
  BanditWorld world;
  world.job.objective.reward = "majority";
  world.job.vote.drop_below = 0.01;
  const std::vector<double> entropies = entropies_of(world, kSamples);
  const double bound = low_outlier_bound(entropies, 0.01);
  Group group;
  group.prompt = std::make_shared<const Prompt>(Prompt{.sample = {kOne}, .train = {kOne}});
  for (std::size_t i = 0; i < kSamples.size(); ++i) {
    GradedRollout graded = answer("yes");
    graded.rollout.tokens = kSamples[i];
    (entropies[i] < bound ? group.rollouts : group.voters).push_back(graded);
  }
  ASSERT_EQ(group.rollouts.size(), 2);
  std::vector<Group> groups = {group};
  vote(world.job, groups);
  EXPECT_THAT(groups[0].dropped, IsEmpty());
}

// Answers of four words, of which the policy prefers none: it comes to agree with itself. Of a wrong answer,
// too, for the verdict plays no part.
TEST(MGrpo, RolloutsComeToAgree) {
  for (const int voters : {0, 4}) {
    TempDir dir;
    BanditWorld world([](const Problem&, std::string_view) { return false; });
    world.job.objective.reward = "majority";
    world.job.mixture = {.unguided = 1, .guided = 0};
    world.job.sampling.max_new_tokens = 2;
    world.job.optimizer.lr = 5e-2;
    world.job.config.steps = 60;
    world.job.config.rollouts_every = 60;
    world.job.vote.momentum_rollouts = voters;
    if (voters > 0) {
      world.job.vote.drop_below = 0.75;
      world.job.optimizer.ema_decay = 0.8;
    }
    world.job.ema = copy_of(*world.job.model);
    NativeEngine momentum(world.job.ema);
    world.job.momentum = &momentum;
    world.train(dir / "run");
    const std::vector<Json> rows = metrics_of(dir / "run");
    const auto share = [&](std::size_t from) {
      double sum = 0;
      for (std::size_t i = from; i < from + 10; ++i) sum += rows[i]["vote/share"].get<double>();
      return sum / 10;
    };
    EXPECT_GT(share(50), share(0) + 0.15) << voters;
    EXPECT_EQ(rows[59]["vote/correct"], 0);
    EXPECT_EQ(rows[59]["reward/unguided"], 0);
    EXPECT_EQ(rows[0]["rollouts/total"], 4 * (8 + voters));
    EXPECT_GE(rows[0]["tokens/sampled"], rows[0]["rollouts/total"]);
    int momentum_records = 0;
    read_jsonl(dir / "run/rollouts/step-000060.jsonl.zst", [&](Json&& row, std::size_t) {
      if (row["set"] != "momentum") return;
      ++momentum_records;
      EXPECT_GE(row["sample"], 8);  // a random stream of their own
    });
    EXPECT_EQ(momentum_records, 4 * voters);
  }
}

// The momentum policy is sampled from the average: with weights that answer otherwise, so do the voters.
TEST(MGrpo, VotersAreOfTheMovingAverage) {
  BanditWorld world;
  world.job.objective.reward = "majority";
  world.job.mixture = {.unguided = 1, .guided = 0};
  world.job.vote.momentum_rollouts = 3;
  test::FakeEngine policy([](const Request&, int) {
    return Rollout{.tokens = {kOne, kEnd}, .logprobs = {-1, 0}};
  });
  test::FakeEngine momentum([](const Request&, int) {
    return Rollout{.tokens = {kYes, kEnd}, .logprobs = {-1, 0}};
  });
  world.job.engine = &policy;
  world.job.momentum = &momentum;
  TempDir dir;
  const Mixture mixture(world.job.mixture, world.job.hard, {}, 1);
  const auto curriculum = curricula().at("fixed")(world.job, mixture, dir.path());
  StageSeconds seconds;
  const std::vector<Group> groups =
      sync_source(world.job, *curriculum, dir.path())->take(5, seconds, [](double) {});
  ASSERT_THAT(groups, SizeIs(4));
  for (const Group& group : groups) {
    ASSERT_THAT(group.voters, SizeIs(3));
    EXPECT_EQ(group.voters[2].completion, "yes");
    EXPECT_EQ(group.voters[2].rollout.sample, 10);
    EXPECT_EQ(group.more_rollouts, 3);
    EXPECT_EQ(group.more_tokens, 6);
    EXPECT_DOUBLE_EQ(group.majority->share, 8 / 11.0);
  }
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(momentum.requests[i].rng_key, policy.requests[i].rng_key);
}

TEST(MGrpo, AKilledRunIsTheUnbrokenOne) {
  TempDir dir;
  struct World : BanditWorld {
    using BanditWorld::BanditWorld;
    std::unique_ptr<Engine> momentum;
  };
  const auto make = [](int killed_at) {
    auto world = std::make_unique<World>(
        [killed_at, calls = 0](const Problem& problem, std::string_view text) mutable {
          if (++calls == killed_at) throw Error("test", "killed");
          return test::says_yes(problem, text);
        });
    TrainJob& job = world->job;
    job.objective.reward = "majority";
    job.mixture = {.unguided = 1, .guided = 0};
    job.vote = {.momentum_rollouts = 4, .drop_below = 0.75};
    job.optimizer.ema_decay = 0.6;
    job.ema = copy_of(*job.model);
    world->momentum = std::make_unique<NativeEngine>(job.ema);
    job.momentum = world->momentum.get();
    job.config.save_every = 2;
    return world;
  };
  make(-1)->train(dir / "whole");
  EXPECT_THROW(make(3 * 48 + 40)->train(dir / "run"), Error);  // while the momentum policy samples
  make(-1)->train(dir / "run");
  EXPECT_THAT(metrics_of(dir / "run"), SizeIs(6));
  test::expect_same_run(dir / "whole", dir / "run", {"checkpoints/step-000006/optimizer.safetensors"});
}

TEST(MGrpo, WhatCannotGoTogetherIsRefused) {
  const auto refused = [](const std::function<void(TrainJob&)>& change) {
    TempDir dir;
    BanditWorld world;
    world.job.objective.reward = "majority";
    world.job.mixture.guided = 0;
    change(world.job);
    return error_of([&] { world.train(dir / "run"); });
  };
  EXPECT_THAT(refused([](TrainJob& job) { job.mixture.guided = 1; }),
              HasSubstr("mixture.guided: expected 0 with objective.reward=majority"));
  EXPECT_THAT(refused([](TrainJob& job) { job.config.mode = "async"; }),
              HasSubstr("train.mode: expected sync with objective.reward=majority"));
  EXPECT_THAT(refused([](TrainJob& job) { job.config.guidance = "search"; }),
              HasSubstr("train.guidance: expected fixed"));
  EXPECT_THAT(refused([](TrainJob& job) { job.retire.above = 0.9; }), HasSubstr("retire.above: expected 0"));
  EXPECT_THAT(refused([](TrainJob& job) { job.objective.kind = "luffy"; }),
              HasSubstr("objective.kind: expected one without demonstrations"));
  EXPECT_THAT(refused([](TrainJob& job) { job.vote.momentum_rollouts = 2; }),
              HasSubstr("expected a copy of the model"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.objective.reward = "verifier";
                job.vote.momentum_rollouts = 2;
              }),
              HasSubstr("vote.momentum_rollouts: expected 0 with objective.reward=verifier"));
}

}  // namespace
}  // namespace pope
