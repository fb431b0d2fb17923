// Training steps whose batch has no signal: by default a step with zero gradients, skipped by option.
#include <gtest/gtest.h>

#include <cmath>

#include "learn/bandit.h"

namespace pope {
namespace {

using test::FakeEngine;
using World = test::BanditWorld;

// Two steps in which all fail or all pass, and what they do to the weights.
Json train_without_signal(World& world, bool verdict) {
  test::TempFolder folder("flat");
  world.job.optimizer.weight_decay = 0.5;
  world.job.config.steps = 2;
  FakeEngine engine([](const Request&, int) {
    return Rollout{.tokens = {1, 0}, .logprobs = {-1.0f, -2.0f}};
  });
  world.job.engine = &engine;
  world.train(folder / "run");
  const Json row = test::metrics_of(folder / "run").back();
  EXPECT_EQ(row["groups/total"], 4);
  EXPECT_EQ(row["groups/no_signal"], 4);
  EXPECT_EQ(row["groups/all_fail"], verdict ? 0 : 4);
  EXPECT_EQ(row["groups/all_pass"], verdict ? 4 : 0);
  EXPECT_EQ(row["loss"], 0.0);
  EXPECT_EQ(row["grad_norm"], 0.0);
  EXPECT_EQ(row["grad_clipped"], 0.0);
  EXPECT_EQ(row["advantage/max"], 0.0);
  for (const char* key : {"ratio/mean", "train_sampler_mismatch/mean", "policy/entropy"})
    EXPECT_FALSE(row.contains(key));
  return row;
}

// A gradient of zeros, not none: AdamW's weight decay acts. trl_steps_test.cpp has momentum.
TEST(NoSignal, IsAStepWithZeroGradients) {
  for (const bool verdict : {false, true}) {
    World world([=](const Problem&, std::string_view) { return verdict; });
    const std::vector<at::Tensor> before = test::masters_of(*world.job.model);
    EXPECT_EQ(train_without_signal(world, verdict)["updates"], 1);
    const std::vector<at::Tensor> after = test::masters_of(*world.job.model);
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double factor = before[i].dim() >= 2 ? std::pow(1 - 2e-2 * 0.5, 2) : 1.0;
      EXPECT_LT((after[i] - before[i] * factor).abs().max().item<double>(), 1e-7);
    }
    EXPECT_EQ(world.job.model->version, 2);
  }
}

TEST(NoSignal, SkippedItLeavesWeightsUntouched) {
  for (const bool verdict : {false, true}) {
    World world([=](const Problem&, std::string_view) { return verdict; });
    world.job.config.skip_without_signal = true;
    const std::vector<at::Tensor> before = test::masters_of(*world.job.model);
    EXPECT_EQ(train_without_signal(world, verdict)["updates"], 0);
    EXPECT_EQ(test::largest_difference(test::masters_of(*world.job.model), before), 0);
    EXPECT_EQ(world.job.model->version, 0);
  }
}

}  // namespace
}  // namespace pope
