// Context distillation: the mask by hand, its gradient, what it is where both prompts agree, and a bandit
// whose bare prompt learns what only the other prompt can sample.
#include "learn/context_distillation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "learn/bandit.h"
#include "learn/learn_batch.h"
#include "learn/policy_gradient.h"

namespace pope {
namespace {

using test::BanditWorld;
using testing::ElementsAre;

std::shared_ptr<Model> model() { return Model::random(test::tiny_architecture(), 5); }

// A completion of five tokens after {3, 4}, with these behaviour logprobs.
Sequence sequence(std::vector<float> behaviour) {
  return {{3, 4}, {1, 6, 2, 7, 0}, LossKind::policy, std::vector<float>(5, 0.75f), std::move(behaviour)};
}

std::vector<float> logprobs_of(const Model& model, const Sequence& s) {
  const at::Tensor logprobs = token_logprobs_of(model, micro_batches({s}, 100)[0], 0.8).logprobs;
  return {logprobs.const_data_ptr<float>(), logprobs.const_data_ptr<float>() + logprobs.numel()};
}

TEST(ContextDistillation, MasksWhatTheTwoPromptsDisagreeAbout) {
  const c10::NoGradGuard no_grad;
  const std::shared_ptr<Model> policy = model();
  const std::vector<float> here = logprobs_of(*policy, sequence(std::vector<float>(5, 0)));
  // Under the other prompt each token was 1/0.005, 1/0.02, 1, 1/9 and 1/11 times as likely.
  std::vector<float> there;
  const std::vector<double> ratios = {0.005, 0.02, 1, 9, 11};
  for (std::size_t i = 0; i < 5; ++i) there.push_back(here[i] - static_cast<float>(std::log(ratios[i])));
  Sequence other = sequence(there), same = sequence(there);
  other.other_prompt = true;
  const DistillationMask mask = distil_context({}, {&other, &same}, *policy, 0.8, 100);
  EXPECT_EQ(mask.tokens, 5);
  EXPECT_EQ(mask.masked, 2);
  EXPECT_THAT(other.advantages, ElementsAre(0, 0.75f, 0.75f, 0.75f, 0));
  EXPECT_EQ(other.behaviour, here);
  EXPECT_EQ(same.behaviour, there);  // sampled under its own prompt: as it is
  EXPECT_EQ(same.advantages, sequence(there).advantages);

  // Soft: the weights are 0.01/0.005 and 10/11.
  Sequence soft = sequence(there);
  soft.other_prompt = true;
  EXPECT_EQ(distil_context({.distillation_clip = "soft"}, {&soft}, *policy, 0.8, 100).masked, 2);
  EXPECT_NEAR(soft.advantages[0], 0.75 * 2, 1e-5);  // logprobs are rounded to fp32
  EXPECT_NEAR(soft.advantages[4], 0.75 * 10 / 11, 1e-5);
  EXPECT_THAT(std::vector<float>(soft.advantages.begin() + 1, soft.advantages.begin() + 4),
              ElementsAre(0.75f, 0.75f, 0.75f));
}

// On the policy's own logprobs every ratio is 1, so that the gradient is −A·∇logπ of the tokens that are
// left, under the bare prompt. Against finite differences of −Σ A·logπ.
TEST(ContextDistillation, FiniteDifferences) {
  const std::vector<float> there = {-9, -2, -2, -2, -0.01f};
  ObjectiveConfig objective;
  objective.distillation_low = 0.1;
  objective.distillation_high = 100;
  const auto shifted = [&](std::size_t parameter, double by) {
    const c10::NoGradGuard no_grad;
    std::shared_ptr<Model> moved = model();
    moved->parameters()[parameter].master.flatten()[1] += by;
    return moved;
  };
  Sequence distilled = sequence(there);
  distilled.other_prompt = true;
  const std::shared_ptr<Model> policy = model();
  const DistillationMask mask = distil_context(objective, {&distilled}, *policy, 0.8, 100);
  ASSERT_GT(mask.masked, 0);
  ASSERT_LT(mask.masked, 5);
  Optimizer optimizer({}, *policy);
  policy_gradient(objective, {distilled}, {5, 1}, 0.8, 100, *policy, optimizer);
  const std::vector<at::Tensor> gradients = test::gradients_of(*policy);
  const auto loss = [&](const Model& at_model) {
    const c10::NoGradGuard no_grad;
    double sum = 0;
    const std::vector<float> logprobs = logprobs_of(at_model, distilled);
    for (std::size_t i = 0; i < 5; ++i) sum -= distilled.advantages[i] * logprobs[i];
    return sum / 5;
  };
  const double h = 5e-3;  // fp32 loss: rounding 1e-7 / h = 2e-5
  for (const std::size_t p : {0u, 2u, 7u}) {
    const double difference = (loss(*shifted(p, h)) - loss(*shifted(p, -h))) / (2 * h);
    EXPECT_NEAR(gradients[p].flatten()[1].item<double>(), difference, 2e-4) << p;
  }
}

// Both prompts the same, and sampled with the weights as they are: plain GRPO.
TEST(ContextDistillation, OfTheSamePromptIsPlainGrpo) {
  const auto weights = [](bool distils) {
    BanditWorld world;
    world.job.objective.context_distillation = distils;
    world.job.config.updates_per_batch = 1;
    std::vector<Group> groups = {
        test::group_of(world.job, {3, 4}, {{1, 0}, {2, 5, 0}, {1, 6, 0}}, {1, 0, 1})};
    for (Sequence& s : groups[0].sequences) s.other_prompt = distils;
    Optimizer optimizer(world.job.optimizer, *world.job.model);
    const LearnResult result = test::learn_batch(world.job, groups, 0, optimizer);
    EXPECT_EQ(result.distillation.tokens, distils ? 8 : 0);
    EXPECT_EQ(result.distillation.masked, 0);
    return test::masters_of(*world.job.model);
  };
  // Logprobs computed once more, in another batch, differ by rounding.
  EXPECT_LT(test::largest_difference(weights(true), weights(false)), 1e-6);
}

// Under its hint an answer is "yes" every other time; without it never. Only hinted prompts are sampled.
TEST(ContextDistillation, TheBarePromptLearnsWhatTheOtherSamples) {
  constexpr int kHint = 8, kYes = 1, kNo = 2, kEnd = 0;
  test::TempFolder folder("distillation");
  BanditWorld world;
  test::FakeEngine engine([&](const Request& request, int sample) {
    const bool hinted =
        std::find(request.prompt.begin(), request.prompt.end(), kHint) != request.prompt.end();
    Rollout rollout;
    rollout.tokens = {hinted && sample % 2 == 0 ? kYes : kNo, kEnd};
    rollout.logprobs = {std::log(0.5f), 0};
    return rollout;
  });
  world.job.engine = &engine;
  world.job.hard = {test::problem("a", "one two", "red")};
  world.job.mixture = {.unguided = 0, .guided = 1};
  world.job.objective.context_distillation = true;
  world.job.config.steps = 40;
  world.job.config.prompts_per_step = 1;
  const auto bare_yes = [&] {
    const c10::NoGradGuard no_grad;
    const std::vector<int> prompt = world.job.prompts->render("one two");
    const MicroBatch micro = micro_batches({{.prompt = prompt, .completion = {kYes}}}, 100)[0];
    return std::exp(token_logprobs_of(*world.job.model, micro, 1.0).logprobs.item<float>());
  };
  EXPECT_LT(bare_yes(), 0.3);
  world.train(folder / "run");
  EXPECT_GT(bare_yes(), 0.9);
  const std::vector<Json> rows = test::metrics_of(folder / "run");
  EXPECT_EQ(rows[0]["reward/guided"], 0.5);
  EXPECT_EQ(rows[0]["context_distillation/masked"], 0);
}

}  // namespace
}  // namespace pope
