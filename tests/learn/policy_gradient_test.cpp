// The gradient of a whole batch through the model: micro-batching, skipped groups, masked prompts.
#include "learn/policy_gradient.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "learn/tiny.h"

namespace pope {
namespace {

// Sequences of distinct lengths with behaviour logprobs near those of the tiny model (about −log 9).
std::vector<Sequence> sequences() {
  std::vector<Sequence> result;
  for (int i = 0; i < 6; ++i) {
    Sequence s;
    for (int j = 0; j < 2 + i; ++j) s.prompt.push_back((3 * i + j) % 9);
    for (int j = 0; j < 1 + (5 * i) % 7; ++j) s.completion.push_back((i + 2 * j) % 9);
    for (std::size_t j = 0; j < s.completion.size(); ++j) s.behaviour.push_back(-2.2f + 0.1f * (j % 3));
    s.kind = LossKind::policy;
    s.advantages.assign(s.completion.size(), 0.4f * static_cast<float>(i) - 0.9f);
    result.push_back(s);
  }
  return result;
}

BatchTotals totals_of(const std::vector<Sequence>& all) {
  BatchTotals totals;
  for (const Sequence& s : all) {
    totals.sequences += 1;
    totals.tokens += static_cast<std::int64_t>(s.completion.size());
  }
  return totals;
}

// The model that "reference" stands for here.
std::shared_ptr<Model> reference_model() { return Model::random(test::tiny_architecture(), 6); }

struct Gradient {
  BatchResult result;
  std::vector<at::Tensor> tensors;
};

Gradient gradient(const ObjectiveConfig& config, const std::vector<Sequence>& batch,
                  const BatchTotals& totals, std::int64_t micro_batch_tokens) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 5);
  Optimizer optimizer({}, *model);
  Gradient out;
  out.result = policy_gradient(config, batch, totals, 0.8, micro_batch_tokens, *model, optimizer,
                               reference_model().get());
  out.tensors = test::gradients_of(*model);
  return out;
}

std::vector<ObjectiveConfig> objectives() {
  std::vector<ObjectiveConfig> all;
  for (const char* kind : {"ppo_clip", "truncated_is"}) {
    for (const char* aggregation : {"seq_sum", "token_mean", "seq_mean"}) {
      all.push_back({.kind = kind, .aggregation = aggregation});
    }
  }
  return all;
}

// The same with every regulariser on.
std::vector<ObjectiveConfig> regularized() {
  std::vector<ObjectiveConfig> all = objectives();
  for (ObjectiveConfig& config : all) {
    config.entropy_coef = 0.3;
    config.kl_coef = 0.2;
  }
  return all;
}

// They are the trainer's own, and say nothing of the sampler.
TEST(PolicyGradient, LogprobsThatWereFilledInAreInNoGap) {
  std::vector<Sequence> batch = sequences();
  std::int64_t told = 0;
  for (Sequence& s : batch) {
    if (s.kind != LossKind::policy) continue;
    s.filled.assign(s.completion.size(), 1);
    s.filled[0] = 0;
    ++told;
  }
  const Gradient result = gradient(objectives().front(), batch, totals_of(batch), 1000);
  EXPECT_EQ(result.result.gap_tokens, told);
  EXPECT_GT(result.result.tokens, told);
}

TEST(PolicyGradient, MicroBatchesAddUpToTheBatch) {
  const std::vector<Sequence> batch = sequences();
  std::vector<ObjectiveConfig> all = objectives();
  for (const ObjectiveConfig& config : regularized()) all.push_back(config);
  for (const ObjectiveConfig& config : all) {
    const Gradient whole = gradient(config, batch, totals_of(batch), 1000);
    for (const std::int64_t tokens : {1, 20}) {  // one sequence each; about two each
      const Gradient parts = gradient(config, batch, totals_of(batch), tokens);
      EXPECT_NEAR(parts.result.loss, whole.result.loss, 1e-6);
      EXPECT_NEAR(parts.result.ratio.mean, whole.result.ratio.mean, 1e-6);
      EXPECT_NEAR(parts.result.ratio.mean_square, whole.result.ratio.mean_square, 1e-6);
      EXPECT_NEAR(parts.result.ratio.max, whole.result.ratio.max, 1e-6);
      EXPECT_NEAR(parts.result.ratio.min, whole.result.ratio.min, 1e-6);
      EXPECT_NEAR(parts.result.ratio.clipped_low, whole.result.ratio.clipped_low, 1e-12);
      EXPECT_NEAR(parts.result.ratio.clipped_high, whole.result.ratio.clipped_high, 1e-12);
      EXPECT_NEAR(parts.result.gap_mean, whole.result.gap_mean, 1e-6);
      EXPECT_NEAR(parts.result.gap_max, whole.result.gap_max, 1e-6);
      EXPECT_NEAR(parts.result.entropy, whole.result.entropy, 1e-6);
      EXPECT_NEAR(parts.result.kl, whole.result.kl, 1e-6);
      EXPECT_EQ(parts.result.tokens, whole.result.tokens);
      // fp32 sums in another order; gradients are up to about 1
      EXPECT_LT(test::largest_difference(parts.tensors, whole.tensors), 2e-6);
    }
    EXPECT_GT(whole.tensors[0].abs().max().item<double>(), 1e-3);  // there is something to compare
  }
}

// Rollouts of a group share their prompt's forward and backward pass; one at a time they have each their own.
TEST(PolicyGradient, SharedPromptsAddUpToSingleSequences) {
  std::vector<Sequence> batch = sequences();
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].prompt = batch[i / 3 * 3 + 2].prompt;
  ASSERT_EQ(micro_batches(batch, 1000)[0].packing.group_count(), 2);
  for (const ObjectiveConfig& config : objectives()) {
    const Gradient shared = gradient(config, batch, totals_of(batch), 1000);
    const Gradient single = gradient(config, batch, totals_of(batch), 1);
    EXPECT_NEAR(shared.result.loss, single.result.loss, 1e-6);
    EXPECT_LT(test::largest_difference(shared.tensors, single.tensors), 2e-6);  // fp32 sums in another order
  }
}

// Against the definition, one sequence at a time, with the plain log-softmax.
TEST(PolicyGradient, LossIsThatOfTheDefinition) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 5);
  const std::vector<Sequence> batch = sequences();
  double expected = 0;
  for (const Sequence& s : batch) {
    std::vector<std::int64_t> all(s.prompt.begin(), s.prompt.end());
    all.insert(all.end(), s.completion.begin(), s.completion.end());
    const at::Tensor hidden =
        model->forward_hidden(at::tensor(all, at::kLong), Packing::equal(1, std::ssize(all)));
    const at::Tensor logprobs = at::log_softmax(model->logits(hidden) / 0.8, -1);
    for (std::size_t j = 0; j < s.completion.size(); ++j) {
      const std::int64_t from = s.prompt.size() + j - 1;
      const double ratio = std::exp(logprobs[from][s.completion[j]].item<double>() - s.behaviour[j]);
      const double bounded = std::min(std::max(ratio, 0.8), 1.28);
      expected -= std::min(ratio * s.advantages[0], bounded * s.advantages[0]);
    }
  }
  const BatchTotals totals = totals_of(batch);
  EXPECT_NEAR(gradient({}, batch, totals, 20).result.loss, expected / totals.tokens, 1e-6);
}

// Everything at once against the definition: ppo_clip, shaped demonstration (the last two sequences), entropy
// and KL over the sampled tokens, one sequence at a time with the plain log-softmax.
TEST(PolicyGradient, LossWithEveryTermIsThatOfTheDefinition) {
  const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 5), other = reference_model();
  std::vector<Sequence> batch = sequences();
  for (const std::size_t i : {4u, 5u}) {
    batch[i].kind = LossKind::demonstration;
    batch[i].behaviour.clear();
  }
  const ObjectiveConfig config{.kind = "luffy", .entropy_coef = 0.3, .kl_coef = 0.2};
  double loss = 0, entropy = 0, kl = 0, probability = 0, sampled = 0, demonstrated = 0;
  for (const Sequence& s : batch) {
    std::vector<std::int64_t> all(s.prompt.begin(), s.prompt.end());
    all.insert(all.end(), s.completion.begin(), s.completion.end());
    const at::Tensor ids = at::tensor(all, at::kLong);
    const Packing alone = Packing::equal(1, ids.size(0));
    const at::Tensor log_p = at::log_softmax(model->logits(model->forward_hidden(ids, alone)) / 0.8, -1);
    const at::Tensor log_q = at::log_softmax(other->logits(other->forward_hidden(ids, alone)) / 0.8, -1);
    for (std::size_t j = 0; j < s.completion.size(); ++j) {
      const std::int64_t from = s.prompt.size() + j - 1;
      const double p = log_p[from][s.completion[j]].item<double>(),
                   q = log_q[from][s.completion[j]].item<double>();
      if (s.kind == LossKind::demonstration) {
        loss -= s.advantages[0] * std::exp(p) / (std::exp(p) + 0.1);
        probability += std::exp(p);
        demonstrated += 1;
        continue;
      }
      const double ratio = std::exp(p - s.behaviour[j]);
      loss -= std::min(ratio * s.advantages[0], std::min(std::max(ratio, 0.8), 1.28) * s.advantages[0]);
      entropy -= (log_p[from].exp() * log_p[from]).sum().item<double>();
      kl += std::exp(q - p) - (q - p) - 1;
      sampled += 1;
    }
  }
  const BatchResult result = gradient(config, batch, totals_of(batch), 20).result;
  EXPECT_NEAR(result.loss, (loss - 0.3 * entropy + 0.2 * kl) / (sampled + demonstrated), 1e-6);
  EXPECT_EQ(result.tokens, sampled);
  EXPECT_EQ(result.demonstration_tokens, demonstrated);
  EXPECT_NEAR(result.entropy, entropy / sampled, 1e-6);
  EXPECT_NEAR(result.kl, kl / sampled, 1e-6);
  EXPECT_NEAR(result.demonstration, probability / demonstrated, 1e-6);
  EXPECT_GT(result.kl, 1e-3);  // the two models do differ
}

// Rollouts of advantage zero may be left out: totals keep the denominators.
TEST(PolicyGradient, SkippingZeroAdvantagesChangesNothing) {
  std::vector<Sequence> all = sequences(), kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 3 == 0) {
      all[i].advantages.assign(all[i].completion.size(), 0);
    } else {
      kept.push_back(all[i]);
    }
  }
  for (const ObjectiveConfig& config : objectives()) {
    const Gradient full = gradient(config, all, totals_of(all), 20);
    const Gradient skipped = gradient(config, kept, totals_of(all), 20);
    EXPECT_NEAR(full.result.loss, skipped.result.loss, 1e-7);
    EXPECT_LT(test::largest_difference(full.tensors, skipped.tensors), 1e-6);
    const Gradient wrong = gradient(config, kept, totals_of(kept), 20);
    EXPECT_GT(std::abs(full.result.loss - wrong.result.loss), 1e-4) << "the totals should matter";
  }
}

// The gradient of the loss is that of the weighted log-probabilities of completion tokens alone: appending a
// prompt token's own log-probability would change it. Checked by finite differences of the loss in one
// weight.
TEST(PolicyGradient, FiniteDifferenceThroughTheModel) {
  const std::vector<Sequence> batch = sequences();
  // No clipping: the loss is smooth. With regularisers, which have gradients of their own.
  const ObjectiveConfig config{.eps_low = 0.9, .eps_high = 9, .entropy_coef = 0.3, .kl_coef = 0.2};
  const Gradient analytic = gradient(config, batch, totals_of(batch), 1000);
  const auto loss_at = [&](std::size_t parameter, double shift) {
    const std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 5);
    const c10::NoGradGuard no_grad;
    model->parameters()[parameter].master.flatten()[1] += shift;
    double loss = 0;
    for (const MicroBatch& micro : micro_batches(batch, 1000)) {
      loss += policy_loss(config, *model, micro, totals_of(batch), 0.8, reference_model().get())
                  .loss.item<double>();
    }
    return loss;
  };
  const double h = 5e-3;  // fp32 loss: rounding 1e-7 / h = 2e-5
  for (const std::size_t p : {0u, 2u, 7u}) {
    const double difference = (loss_at(p, h) - loss_at(p, -h)) / (2 * h);
    EXPECT_NEAR(analytic.tensors[p].flatten()[1].item<double>(), difference, 2e-4) << p;
  }
}

}  // namespace
}  // namespace pope
