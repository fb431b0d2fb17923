// Privileged self-distillation: TRL's own loss, which prompts the teacher reads, finite differences, whole
// runs whose policy nears its teacher, and runs that go on from a checkpoint.
#include "learn/self_distillation.h"

#include <gmock/gmock.h>

#include "core/temp_dir.h"
#include "learn/bandit.h"
#include "learn/group_source.h"
#include "learn/learn_batch.h"
#include "model/copy_model.h"

namespace pope {
namespace {

using test::BanditWorld;
using test::metrics_of;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointwise;

ObjectiveConfig distils(const std::string& over, const std::string& teacher = "live") {
  ObjectiveConfig objective;
  objective.policy_coef = 0;
  objective.self_distillation = 1;
  objective.self_distillation_over = over;
  objective.self_distillation_teacher = teacher;
  return objective;
}

// golden/make_self_distillation_goldens.py. With the identity as embedding hidden states are logits.
TEST(SelfDistillation, IsTrls) {
  const Json golden = Json::parse(
      read_file(std::filesystem::path(POPE_SOURCE_DIR) / "tests/golden/self_distillation_trl.json"));
  const auto shape = golden["shape"].get<std::vector<std::int64_t>>();
  const auto tensor = [&](const char* name) {
    return at::tensor(golden[name].get<std::vector<double>>(), at::kDouble);
  };
  std::vector<std::int64_t> rows, sequence;
  for (std::int64_t b = 0; b < shape[0]; ++b) {
    for (std::int64_t t = 0; t < golden["lengths"][b].get<std::int64_t>(); ++t) {
      rows.push_back(b * shape[1] + t);
      sequence.push_back(b);
    }
  }
  const at::Tensor row = at::tensor(rows, at::kLong), identity = at::eye(shape[2], at::kDouble);
  const at::Tensor ids =
      at::tensor(golden["ids"].get<std::vector<std::int64_t>>(), at::kLong).index_select(0, row);
  for (const auto& [name, want] : golden["cases"].items()) {
    const at::Tensor logits = tensor("student").view(shape).requires_grad_();
    const at::Tensor student = logits.flatten(0, 1).index_select(0, row),
                     teacher = tensor("teacher").view(shape).flatten(0, 1).index_select(0, row);
    const auto of_ids = [&](const at::Tensor& of) {
      return at::log_softmax(of, -1).gather(-1, ids.unsqueeze(-1)).squeeze(-1);
    };
    TokenBatch batch;
    batch.logprobs = of_ids(student);
    batch.behaviour =
        name.ends_with("off_policy") ? tensor("old").index_select(0, row) : batch.logprobs.detach();
    batch.advantages = at::ones_like(batch.behaviour);
    batch.sequence = at::tensor(sequence, at::kLong);
    batch.taught = at::ones_like(batch.behaviour, at::kBool);
    if (name.starts_with("vocabulary")) {
      batch.teacher_kl = token_kl({student, identity}, {teacher, identity}, 1);
    } else {
      batch.teacher_logprobs = of_ids(teacher);
    }
    const at::Tensor loss = aggregate("seq_mean", token_losses(distils("vocabulary"), batch), batch.sequence,
                                      {static_cast<std::int64_t>(rows.size()), shape[0]});
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), want["loss"].get<double>(), 1e-10) << name;
    EXPECT_THAT(test::doubles(logits.grad()),
                Pointwise(DoubleNear(1e-10), want["gradient"].get<std::vector<double>>()))
        << name;
  }
}

std::vector<float> logprobs_of(const Model& model, const Sequence& s) {
  const c10::NoGradGuard no_grad;
  const at::Tensor logprobs = token_logprobs_of(model, micro_batches({s}, 100)[0], 0.8).logprobs;
  return {logprobs.const_data_ptr<float>(), logprobs.const_data_ptr<float>() + logprobs.numel()};
}

// Of three sequences the second has no teacher.
std::vector<Sequence> sequences(const Model& policy) {
  std::vector<Sequence> all = {{.prompt = {3, 4}, .completion = {1, 6, 2}},
                               {.prompt = {3, 4}, .completion = {7, 0}},
                               {.prompt = {5}, .completion = {2, 2, 0}}};
  for (Sequence& s : all) {
    s.behaviour = logprobs_of(policy, s);
    s.advantages.assign(s.completion.size(), 0);
    s.kind = LossKind::policy;
  }
  all[0].teacher = {3, 4, 8, 6};
  all[2].teacher = {5, 8, 7, 7};
  return all;
}

TEST(SelfDistillation, TheTeacherReadsTheSameTokensUnderItsOwnPrompt) {
  const std::shared_ptr<Model> policy = Model::random(test::tiny_architecture(), 5),
                               teacher = Model::random(test::tiny_architecture(), 6);
  const std::vector<Sequence> all = sequences(*policy);
  const MicroBatch micro = micro_batches(all, 100)[0];
  const TokenBatch tokens =
      policy_loss(distils("token"), *policy, micro, {8, 3}, 0.8, nullptr, teacher.get()).tokens;
  std::vector<double> want;
  for (const Sequence& s : all) {
    const bool taught = !s.teacher.empty();
    const std::vector<float> part = logprobs_of(
        taught ? *teacher : *policy, {.prompt = taught ? s.teacher : s.prompt, .completion = s.completion});
    want.insert(want.end(), part.begin(), part.end());
  }
  EXPECT_THAT(test::doubles(tokens.teacher_logprobs), Pointwise(DoubleNear(1e-5), want));
  EXPECT_THAT(test::doubles(tokens.taught), ElementsAre(1, 1, 1, 0, 0, 1, 1, 1));
  const TokenBatch whole =
      policy_loss(distils("vocabulary"), *policy, micro, {8, 3}, 0.8, nullptr, teacher.get()).tokens;
  const std::vector<double> kl = test::doubles(whole.teacher_kl);
  EXPECT_GT(kl[0], 0);
  EXPECT_EQ(kl[3], 0);
  // Micro-batches of one sequence each are the same, one without a teacher among them.
  Optimizer optimizer({}, *policy);
  const BatchResult packed = policy_gradient(distils("vocabulary"), all, {8, 3}, 0.8, 100, *policy, optimizer,
                                             nullptr, teacher.get());
  const BatchResult split =
      policy_gradient(distils("vocabulary"), all, {8, 3}, 0.8, 1, *policy, optimizer, nullptr, teacher.get());
  EXPECT_EQ(packed.taught_tokens, 6);
  EXPECT_EQ(split.taught_tokens, 6);
  EXPECT_NEAR(packed.teacher_gap, (kl[0] + kl[1] + kl[2] + kl[5] + kl[6] + kl[7]) / 6, 1e-6);
  EXPECT_NEAR(packed.loss, split.loss, 1e-6);
}

// The teacher, the same model, is a constant: against differences of the loss whose teacher stays.
TEST(SelfDistillation, FiniteDifferences) {
  const std::shared_ptr<Model> policy = Model::random(test::tiny_architecture(), 5), fixed = copy_of(*policy);
  const std::vector<Sequence> all = sequences(*policy);
  Optimizer optimizer({}, *policy);
  policy_gradient(distils("vocabulary"), all, {8, 3}, 0.8, 100, *policy, optimizer, nullptr, policy.get());
  const std::vector<at::Tensor> gradients = test::gradients_of(*policy);
  const auto loss = [&](std::size_t parameter, double by) {
    const c10::NoGradGuard no_grad;
    const std::shared_ptr<Model> moved = copy_of(*fixed);
    moved->parameters()[parameter].master.flatten()[1] += by;
    const TokenBatch tokens = policy_loss(distils("vocabulary"), *moved, micro_batches(all, 100)[0], {8, 3},
                                          0.8, nullptr, fixed.get())
                                  .tokens;
    return tokens.teacher_kl.sum(at::kDouble).item<double>() / 8;
  };
  const double h = 1e-2;  // fp32 loss: rounding 1e-7 / h = 1e-5
  for (const std::size_t p : {0u, 2u, 7u}) {
    const double difference = (loss(p, h) - loss(p, -h)) / (2 * h);
    EXPECT_NEAR(gradients[p].flatten()[1].item<double>(), difference, 1e-4) << p;
  }
}

TEST(SelfDistillation, OnlyPromptsWithoutGuidanceHaveATeacher) {
  BanditWorld world;
  world.job.objective = distils("vocabulary");
  const auto words = [&](const std::string& text) { return world.job.prompts->tokenizer().encode(text); };
  const Problem& a = world.job.hard[0];
  EXPECT_EQ(drawn_prompt(world.job, a, false)->teacher, words("one two hint red"));
  EXPECT_THAT(drawn_prompt(world.job, a, true)->teacher, IsEmpty());
  Problem bare = a;  // as the mixture draws it
  bare.guidance.reset();
  EXPECT_EQ(drawn_prompt(world.job, bare, false)->teacher, words("one two hint red"));
  world.job.objective.self_distillation_shows = "solution";
  EXPECT_EQ(drawn_prompt(world.job, bare, false)->teacher, words("one two hint yes one"));
  world.job.sampling.max_new_tokens = 28;  // 5 + 28 tokens do not fit into 32
  EXPECT_THAT(drawn_prompt(world.job, bare, false)->teacher, IsEmpty());
  world.job.objective.self_distillation = 0;
  EXPECT_THAT(drawn_prompt(world.job, bare, false)->teacher, IsEmpty());
}

// A model whose distributions are far from even.
std::shared_ptr<const Model> decided_model() {
  const c10::NoGradGuard no_grad;
  std::shared_ptr<Model> model = Model::random(test::tiny_architecture(), 99);
  for (Parameter& parameter : model->parameters())
    if (parameter.master.dim() >= 2) parameter.master.mul_(20);
  return model;
}

// Distilled alone, rewards or not, from a teacher that is another model.
TEST(SelfDistillation, ThePolicyNearsItsTeacher) {
  for (const char* over : {"vocabulary", "token"}) {
    TempDir dir;
    BanditWorld world([](const Problem&, std::string_view) { return false; });
    world.job.objective = distils(over, "frozen");
    world.job.reference = decided_model();
    world.job.mixture = {.unguided = 1, .guided = 0};
    world.job.config.steps = 30;
    EXPECT_EQ(world.train(dir / "run")["without_signal"], 0);
    const std::vector<Json> rows = metrics_of(dir / "run");
    const auto kl = [&](std::size_t from) {
      return (rows[from]["self_distillation/kl"].get<double>() +
              rows[from + 1]["self_distillation/kl"].get<double>() +
              rows[from + 2]["self_distillation/kl"].get<double>()) /
             3;
    };
    // The sampled token's gradient is a noisier one.
    EXPECT_LT(kl(27), kl(0) * (world.job.objective.self_distillation_over == "token" ? 0.8 : 0.33)) << over;
    EXPECT_EQ(rows[0]["self_distillation/taught"], 1);
    EXPECT_EQ(rows[0]["groups/no_signal"], 4);
  }
}

// POPE and the teacher at once: guided rollouts feel the reward alone.
TEST(SelfDistillation, BesideTheReward) {
  TempDir dir;
  BanditWorld world;
  world.job.objective.self_distillation = 0.1;
  world.job.objective.self_distillation_teacher = "live";
  world.job.config.steps = 60;
  world.train(dir / "run");
  const std::vector<Json> rows = metrics_of(dir / "run");
  EXPECT_GT(rows[0]["self_distillation/taught"], 0);
  EXPECT_LT(rows[0]["self_distillation/taught"], 1);
  EXPECT_GT(rows[59]["reward/unguided"], 0.9);
}

TEST(SelfDistillation, AKilledRunWithAMovingAverageIsTheUnbrokenOne) {
  TempDir dir;
  const auto make = [](int killed_at) {
    auto world = std::make_unique<BanditWorld>(
        [killed_at, calls = 0](const Problem& problem, std::string_view completion) mutable {
          if (++calls == killed_at) throw Error("test", "killed");
          return test::says_yes(problem, completion);
        });
    world->job.objective.self_distillation = 0.5;
    world->job.objective.self_distillation_teacher = "ema";
    world->job.optimizer.ema_decay = 0.7;
    world->job.ema = copy_of(*world->job.model);
    world->job.config.save_every = 2;
    return world;
  };
  make(-1)->train(dir / "whole");
  EXPECT_THROW(make(3 * 32 + 5)->train(dir / "run"), Error);
  make(-1)->train(dir / "run");
  EXPECT_EQ(metrics_of(dir / "run").size(), 6u);
  test::expect_same_run(dir / "whole", dir / "run", {"checkpoints/step-000006/optimizer.safetensors"});
  EXPECT_THAT(read_file(dir / "run/checkpoints/step-000006/optimizer.safetensors"),
              HasSubstr("ema.model.norm.weight"));
}

TEST(SelfDistillation, WhatCannotGoTogetherIsRefused) {
  const auto refused = [](const std::function<void(TrainJob&)>& change) {
    TempDir dir;
    BanditWorld world;
    world.job.objective.self_distillation = 1;
    world.job.objective.self_distillation_teacher = "live";
    change(world.job);
    return error_of([&] { world.train(dir / "run"); });
  };
  EXPECT_THAT(refused([](TrainJob& job) {
                for (Problem& problem : job.hard) problem.guidance.reset();
                job.mixture.guided = 0;
              }),
              HasSubstr("expected problems with a guidance that fits into the context"));
  EXPECT_THAT(refused([](TrainJob& job) { job.prompts = test::tiny_prompts("user", "silent"); }),
              HasSubstr("whose answers go on behind the guidance"));
  EXPECT_THAT(refused([](TrainJob& job) { job.objective.self_distillation_teacher = "frozen"; }),
              HasSubstr("self_distillation_teacher=frozen"));
  EXPECT_THAT(refused([](TrainJob& job) { job.objective.self_distillation_teacher = "ema"; }),
              HasSubstr("expected a copy of the model"));
  EXPECT_THAT(refused([](TrainJob& job) {
                job.objective.self_distillation = 0;
                job.objective.policy_coef = 0;
              }),
              HasSubstr("objective.policy_coef: expected above 0"));
}

}  // namespace
}  // namespace pope
