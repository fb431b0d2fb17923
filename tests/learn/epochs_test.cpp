// Several passes over one batch (train.epochs_per_batch) through learn(): on-policy in the first update and
// no longer in the later ones, where clipping acts.
#include <gtest/gtest.h>

#include "learn/bandit.h"
#include "learn/learn_batch.h"

namespace pope {
namespace {

// Four groups of the bandit, each with signal; behaviour logprobs are the model's own.
std::vector<Group> groups_of(const TrainJob& job) {
  std::vector<Group> groups;
  for (int i = 0; i < 4; ++i) {
    std::vector<std::vector<int>> completions;
    for (int j = 0; j < 5; ++j) completions.push_back({1 + (i + j) % 8, 1 + (3 * i + 2 * j) % 8, 0});
    groups.push_back(test::group_of(job, {3 + i, 4}, completions, {1, 0, 0, 1, 0}));
  }
  return groups;
}

struct Outcome {
  LearnResult result;
  std::vector<at::Tensor> weights;
};

// `calls` times learn() on the same batch.
Outcome learn_batch(const TrainConfig& config, const ObjectiveConfig& objective = {}, int calls = 1) {
  test::BanditWorld world;
  world.job.config = config;
  world.job.objective = objective;
  Optimizer optimizer(world.job.optimizer, *world.job.model);
  const std::vector<Group> groups = groups_of(world.job);
  Outcome outcome;
  for (int i = 0; i < calls; ++i) outcome.result = test::learn_batch(world.job, groups, /*t=*/0, optimizer);
  outcome.weights = test::masters_of(*world.job.model);
  return outcome;
}

TEST(Epochs, RatiosLeaveOneAfterTheFirstUpdate) {
  const Outcome once = learn_batch({});
  EXPECT_EQ(once.result.updates, 1);
  EXPECT_NEAR(once.result.ratio.min, 1, 1e-5);  // rounding of fp32 logprobs
  EXPECT_NEAR(once.result.ratio.max, 1, 1e-5);
  EXPECT_EQ(once.result.ratio.clipped(), 0);
  const Outcome twice = learn_batch({.epochs_per_batch = 2});
  EXPECT_EQ(twice.result.updates, 2);
  EXPECT_EQ(twice.result.tokens, 2 * once.result.tokens);
  EXPECT_LT(twice.result.ratio.min, 0.9);
  EXPECT_GT(twice.result.ratio.max, 1.1);
  ASSERT_TRUE(twice.result.gap.has_value());
  EXPECT_LT(twice.result.gap->max, 1e-5);  // of the first update
}

// Without parts an epoch is the batch again.
TEST(Epochs, AreTheSameBatchLearnedFromAgain) {
  const Outcome epochs = learn_batch({.epochs_per_batch = 3});
  const Outcome calls = learn_batch({}, {}, 3);
  EXPECT_EQ(test::largest_difference(epochs.weights, calls.weights), 0);
  EXPECT_GT(test::largest_difference(epochs.weights, learn_batch({}).weights), 1e-3);
}

// Each epoch passes over every group once, in parts; not the same parts in each.
TEST(Epochs, AreSplitAnew) {
  const Outcome epochs = learn_batch({.updates_per_batch = 2, .epochs_per_batch = 2});
  EXPECT_EQ(epochs.result.updates, 4);
  EXPECT_EQ(epochs.result.tokens, 2 * learn_batch({}).result.tokens);
  const Outcome calls = learn_batch({.updates_per_batch = 2}, {}, 2);  // the first epoch's parts again
  EXPECT_GT(test::largest_difference(epochs.weights, calls.weights), 1e-4);
}

// The clipped tokens have no gradient: with bounds of 1 % the second update is another than with wide ones.
TEST(Epochs, ClippingActs) {
  const ObjectiveConfig narrow{.eps_low = 0.01, .eps_high = 0.01}, wide{.eps_low = 1, .eps_high = 100};
  const Outcome first = learn_batch({}, narrow), first_wide = learn_batch({}, wide);
  EXPECT_EQ(test::largest_difference(first.weights, first_wide.weights), 0);
  const Outcome clipped = learn_batch({.epochs_per_batch = 2}, narrow);
  const Outcome free = learn_batch({.epochs_per_batch = 2}, wide);
  EXPECT_GT(clipped.result.ratio.clipped_low, 0.1);
  EXPECT_GT(clipped.result.ratio.clipped_high, 0.1);
  EXPECT_EQ(free.result.ratio.clipped(), 0);
  EXPECT_GT(test::largest_difference(clipped.weights, free.weights), 1e-3);
}

// A first update without tokens moves the weights by its momentum, so that what follows has no on-policy gap.
TEST(Epochs, NoGapAfterAnUpdateWithoutTokens) {
  for (const bool skip : {false, true}) {
    test::BanditWorld world;
    world.job.config.updates_per_batch = 2;
    world.job.config.skip_without_signal = skip;
    Optimizer optimizer(world.job.optimizer, *world.job.model);
    bool seen = false;
    for (std::int64_t t = 0; t < 8; ++t) {  // until the part without signal comes first
      std::vector<Group> groups = {test::group_of(world.job, {3, 4}, {{1, 0}, {2, 0}}, {1, 0}),
                                   test::group_of(world.job, {5, 4}, {{1, 0}, {2, 0}}, {0, 0})};
      const LearnResult result = test::learn_batch(world.job, groups, t, optimizer);
      EXPECT_EQ(result.updates, skip ? 1 : 2);
      EXPECT_GT(result.tokens, 0);
      if (skip) {
        ASSERT_TRUE(result.gap.has_value());
        EXPECT_LT(result.gap->max, 1e-5);
      }
      seen = seen || !result.gap;
    }
    EXPECT_EQ(seen, !skip);
  }
}

TEST(Epochs, GradientsAboveTheBoundAreCounted) {
  for (const double clip_norm : {0.0, 1e-6, 1e6}) {
    test::BanditWorld world;
    world.job.config.epochs_per_batch = 2;
    world.job.optimizer.clip_norm = clip_norm;
    Optimizer optimizer(world.job.optimizer, *world.job.model);
    const LearnResult result = test::learn_batch(world.job, groups_of(world.job), 0, optimizer);
    EXPECT_EQ(result.grad_clipped, clip_norm == 1e-6 ? 1.0 : 0.0);
    EXPECT_GT(result.grad_norm, 1e-3);  // before clipping
  }
}

}  // namespace
}  // namespace pope
