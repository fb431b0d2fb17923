// The trainer as a whole: a bandit that is learned, exact metrics from a scripted engine, resuming bit for
// bit.
#include "learn/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "learn/bandit.h"
#include "learn/checkpoint.h"
#include "rollout/native_engine.h"

namespace pope {
namespace {

using test::FakeEngine;
using test::FakeVerifier;
using test::says_yes;
using World = test::BanditWorld;

TEST(Trainer, RewardRises) {
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    for (const char* kind : {"ppo_clip", "truncated_is"}) {
      test::TempFolder folder("bandit");
      World world(says_yes, compute);
      world.job.objective.kind = kind;
      world.job.config.steps = 60;
      world.job.config.save_every = 60;
      world.train(folder / "run");
      const std::vector<Json> rows = test::metrics_of(folder / "run");
      ASSERT_EQ(rows.size(), 60u);
      double first = 0, last = 0;
      for (int i = 0; i < 10; ++i) {
        first += rows[i]["reward/unguided"].get<double>() / 10;
        last += rows[50 + i]["reward/unguided"].get<double>() / 10;
      }
      EXPECT_LT(first, 0.4) << kind;
      EXPECT_GT(last, 0.8) << kind;
      // The sampler's logprobs are the trainer's, up to rounding: the first update is on-policy.
      EXPECT_LT(rows[0]["train_sampler_mismatch/max"].get<double>(), compute == at::kFloat ? 1e-4 : 0.1);
      EXPECT_NEAR(rows[0]["ratio/mean"].get<double>(), 1.0, compute == at::kFloat ? 1e-4 : 0.1);
      EXPECT_NEAR(rows[0]["ratio/ess"].get<double>(), 1.0, compute == at::kFloat ? 1e-6 : 0.02);
    }
  }
}

TEST(Trainer, StoppedAndResumedIsTheUnbrokenRun) {
  for (const int updates : {1, 2}) {
    test::TempFolder folder("resume");
    const auto set_up = [&](World& world) {
      if (updates == 2) {  // with everything that an objective can add
        world.job.objective = {.kind = "luffy", .entropy_coef = 0.01, .kl_coef = 0.1};
        world.job.reference = Model::random(test::tiny_architecture(), 7);
      }
      world.job.config.save_every = 2;
      world.job.config.updates_per_batch = updates;
      world.job.config.epochs_per_batch = updates;
      world.job.config.eval_every = 3;
      world.job.config.eval_samples = 4;
      world.job.optimizer.schedule = "cosine";
      world.job.optimizer.weight_decay = 0.1;
      world.job.eval_sets = {{"held", world.job.hard}};
    };
    World unbroken;
    set_up(unbroken);
    const Json whole = unbroken.train(folder / "unbroken");

    int calls = 0;
    World broken([&](const Problem& p, std::string_view completion) {
      // In step 4: two evaluations of 24 rollouts and three steps of 32 went before.
      if (++calls == 2 * 24 + 3 * 32 + 10) throw Error("test", "killed");
      return says_yes(p, completion);
    });
    set_up(broken);
    EXPECT_THROW(broken.train(folder / "broken"), Error);
    EXPECT_EQ(test::metrics_of(folder / "broken").size(), 4u);  // the newest checkpoint is that of step 2

    World resumed;
    set_up(resumed);
    resumed.job.model = Model::random(test::tiny_architecture(), 99);  // what it held is not to matter
    resumed.engine = std::make_unique<NativeEngine>(resumed.job.model);
    resumed.job.engine = resumed.engine.get();
    const Json parts = resumed.train(folder / "broken");

    EXPECT_EQ(test::metrics_of(folder / "unbroken").size(), 7u);  // step 0 and 6 steps
    test::expect_same_run(
        folder / "unbroken", folder / "broken",
        {"checkpoints/step-000006/model.safetensors", "checkpoints/step-000006/optimizer.safetensors"});
    EXPECT_EQ(whole["rollouts"], parts["rollouts"]);
    EXPECT_EQ(whole["tokens"], parts["tokens"]);
    EXPECT_GT(
        test::largest_difference(test::masters_of(*unbroken.job.model), test::masters_of(*World().job.model)),
        1e-3);

    World again;  // a complete run does nothing more
    set_up(again);
    again.train(folder / "broken");
    EXPECT_EQ(test::metrics_of(folder / "broken").size(), 7u);
  }
}

TEST(Trainer, RolloutsOfHardProblemsAreCountedApart) {
  test::TempFolder folder("hard");
  World world;
  world.job.easy = {test::problem("easy", "one", "red")};
  world.job.mixture.easy = 2;
  world.job.config.steps = 2;
  world.train(folder / "run");
  const Json row = test::metrics_of(folder / "run").back();
  EXPECT_EQ(row["rollouts/total"], 64);
  EXPECT_EQ(row["rollouts/hard"], 32);
}

// Samples 0 and 1 of 8 say yes; sample 7 is truncated although it says yes. Sample i has 2 + i tokens.
Rollout scripted(const Request& request, int sample) {
  Rollout rollout;
  rollout.tokens.assign(2 + sample, sample < 2 || sample == 7 ? 1 : 2);
  rollout.tokens.back() = sample == 7 ? 1 : 0;
  rollout.logprobs.assign(2 + sample, request.prompt.size() > 2 ? -0.5f : -2.0f);
  rollout.finish = sample == 7 ? FinishReason::length : FinishReason::stop;
  return rollout;
}

// One step on one problem, evaluated before and after.
void evaluate_one_problem(World& world, FakeEngine& engine, int samples) {
  world.job.engine = &engine;
  world.job.hard = {test::problem("a", "one two", "red")};
  world.job.config.steps = 1;
  world.job.config.eval_every = 5;
  world.job.config.eval_samples = samples;
  world.job.eval_sets = {{"held", world.job.hard}};
}

TEST(Trainer, MetricsByHand) {
  test::TempFolder folder("metrics");
  World world;
  FakeEngine engine(scripted);
  evaluate_one_problem(world, engine, 8);
  world.job.config.rollouts_every = 1;
  const Json result = world.train(folder / "run");
  const std::vector<Json> rows = test::metrics_of(folder / "run");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["step"], 0);
  const Json& row = rows[1];
  for (const char* set : {"unguided", "guided"}) {
    const std::string name = set;
    EXPECT_EQ(row["reward/" + name], 2.0 / 8) << set;  // the truncated one gets none
    EXPECT_EQ(row["solvable/" + name], 1.0) << set;
    EXPECT_EQ(row["length/" + name], 5.5) << set;  // mean of 2 … 9
    EXPECT_EQ(row["truncated/" + name], 1.0 / 8) << set;
    for (const Json& evaluated : rows) {
      EXPECT_EQ(evaluated["eval/held/" + name + "/pass@1"], 2.0 / 8);
      EXPECT_EQ(evaluated["eval/held/" + name + "/pass@8"], 1.0);
      EXPECT_EQ(evaluated["eval/held/" + name + "/truncated"], 1.0 / 8);
    }
  }
  EXPECT_NEAR(row["entropy/unguided"].get<double>(), 2.0, 1e-12);
  EXPECT_NEAR(row["entropy/guided"].get<double>(), 0.5, 1e-12);
  EXPECT_EQ(row["groups/total"], 4);
  EXPECT_EQ(row["groups/no_signal"], 0);
  EXPECT_EQ(row["rollouts/total"], 32);
  EXPECT_EQ(row["rollouts/hard"], 32);
  EXPECT_EQ(row["tokens/sampled"], 4 * 44);
  EXPECT_EQ(row["updates"], 1);
  // Two of eight succeed: advantages 3/4, twice, and −1/4.
  EXPECT_EQ(row["advantage/mean"], 0.0);
  EXPECT_NEAR(row["advantage/std"].get<double>(), std::sqrt(3.0 / 16), 1e-12);
  EXPECT_EQ(row["advantage/max"], 0.75);
  EXPECT_EQ(result["rollouts"], 32);
  EXPECT_EQ(result["final"], row);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/rollouts/step-000001.jsonl.zst"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/model/config.json"));
  std::vector<Json> records;
  read_jsonl(folder / "run/rollouts/step-000001.jsonl.zst",
             [&](Json&& record, std::size_t) { records.push_back(std::move(record)); });
  ASSERT_EQ(records.size(), 32u);
  EXPECT_EQ(records[1]["reward"], 1.0);
  EXPECT_EQ(records[1]["advantage"], 0.75);
  EXPECT_EQ(records[7]["reward"], 0.0);

  // Each prompt has its own random stream, also where the same problem is drawn twice; evaluations repeat
  // theirs.
  std::multiset<std::uint64_t> streams;
  for (const Request& request : engine.requests) streams.insert(request.rng_key);
  ASSERT_EQ(engine.requests.size(), 2u + 4u + 2u);
  for (std::size_t i = 0; i < 8; ++i) {
    const bool evaluation = i < 2 || i >= 6;
    EXPECT_EQ(streams.count(engine.requests[i].rng_key), evaluation ? 2u : 1u) << i;
  }
}

// Token losses that do not depend on the model. Six successes of 2 … 7 tokens, A = 1/4, behaviour so unlikely
// that ρ is cut at 2: −0.5 a token. Two truncated failures of 8 and 9 tokens, A = −3/4, behaviour certain, so
// that ρ is cut at 0.8: 0.6 a token.
Rollout extreme(const Request&, int sample) {
  const bool success = sample < 6;
  Rollout rollout;
  rollout.tokens.assign(2 + sample, success ? 1 : 2);
  rollout.logprobs.assign(2 + sample, success ? -50.0f : 0.0f);
  rollout.finish = success ? FinishReason::stop : FinishReason::length;
  return rollout;
}

Json train_one_step(World& world) {
  test::TempFolder folder("one_step");
  FakeEngine engine(extreme);
  world.job.engine = &engine;
  world.job.mixture.guided = 0;
  world.job.config.steps = 1;
  world.job.config.prompts_per_step = static_cast<int>(world.job.hard.size());
  world.job.objective.eps_high = 1.0;
  world.job.config.max_sampler_mismatch = 100;  // logprobs that no policy gave
  world.train(folder / "run");
  return test::metrics_of(folder / "run").back();
}

TEST(Trainer, EvaluatesThePapersPassAtK) {
  test::TempFolder folder("pass_at");
  World world;
  FakeEngine engine(scripted);
  evaluate_one_problem(world, engine, 10);
  world.train(folder / "run");
  const Json row = test::metrics_of(folder / "run").front();
  EXPECT_EQ(row["eval/held/unguided/pass@1"], 2.0 / 10);
  // Of the C(10, 8) = 45 ways to draw eight, one misses both correct ones.
  EXPECT_NEAR(row["eval/held/unguided/pass@8"].get<double>(), 44.0 / 45, 1e-12);
  EXPECT_EQ(row["eval/held/unguided/pass@10"], 1.0);
  EXPECT_FALSE(row.contains("eval/held/unguided/pass@32"));
}

// Truncated rollouts left out of the loss leave its denominators too, but stay in the group's baseline.
TEST(Trainer, MaskTruncated) {
  for (const bool mask : {false, true}) {
    World world;
    world.job.hard = {test::problem("a", "one two")};
    world.job.objective.mask_truncated = mask;
    world.job.objective.aggregation = "seq_sum";
    const Json row = train_one_step(world);
    const double successes = 27 * -0.5, failures = 17 * 0.6;
    EXPECT_NEAR(row["loss"].get<double>(), mask ? successes / 6 : (successes + failures) / 8, 1e-5);
    EXPECT_EQ(row["reward/unguided"], 0.75);
    EXPECT_EQ(row["ratio/clipped"], 1.0);
    EXPECT_NEAR(row["ratio/clipped_low"].get<double>(), mask ? 0 : 17.0 / 44, 1e-12);
    EXPECT_NEAR(row["ratio/clipped_high"].get<double>(), mask ? 1 : 27.0 / 44, 1e-12);
  }
}

// The weights of pass@2 as rewards: with n = 8, c = 6 they are 2 and 2·ρ(7, 6, 1) = 12/7, times n over n.
// Their mean is 27/14, so the advantages are 1/14 and −3/14 where plain rewards give 1/4 and −3/4.
TEST(Trainer, PassKChangesTheLoss) {
  World world;
  world.job.hard = {test::problem("a", "one two")};
  world.job.objective.pass_k = 2;
  world.job.objective.aggregation = "seq_sum";
  const Json row = train_one_step(world);
  EXPECT_NEAR(row["loss"].get<double>(), (27 * -2.0 / 14 + 17 * 0.8 * 3 / 14) / 8, 1e-5);
  EXPECT_EQ(row["reward/unguided"], 0.75);  // metrics keep the verifier's rewards
}

// KL to the initial model is zero in the first step. Away from its reference and without any reward, the
// policy is pulled towards it.
TEST(Trainer, KlPullsTowardsTheReference) {
  for (const int reference : {7, 8}) {
    test::TempFolder folder("kl");
    World world([](const Problem&, std::string_view) { return false; });
    world.job.objective.kl_coef = 1;
    world.job.reference = Model::random(test::tiny_architecture(), reference);
    world.job.config.steps = 25;
    world.job.config.save_every = 25;
    world.train(folder / "run");
    const std::vector<Json> rows = test::metrics_of(folder / "run");
    const double first = rows.front()["policy/kl"], last = rows.back()["policy/kl"];
    if (reference == 7) {
      EXPECT_NEAR(first, 0, 1e-9);
      EXPECT_LT(last, 1e-6);  // and there it stays
    } else {
      EXPECT_GT(first, 1e-4);
      EXPECT_LT(last, first / 2);
    }
    EXPECT_EQ(rows.back()["updates"], 1);  // a regulariser acts on groups without signal
    EXPECT_EQ(rows.back()["groups/no_signal"], 4);
  }
}

TEST(Trainer, EntropyBonusKeepsEntropy) {
  std::vector<double> entropies;
  for (const double coef : {0.0, 0.3}) {
    test::TempFolder folder("entropy");
    World world;
    world.job.objective.entropy_coef = coef;
    world.job.config.steps = 40;
    world.job.config.save_every = 40;
    world.train(folder / "run");
    const std::vector<Json> rows = test::metrics_of(folder / "run");
    entropies.push_back(rows.back()["entropy/unguided"]);
    EXPECT_FALSE(rows.back().contains("policy/kl"));
    // The exact entropy and its estimate from the sampled tokens: the mean of about 200 surprises.
    EXPECT_NEAR(rows.front()["policy/entropy"].get<double>(), rows.front()["entropy/unguided"].get<double>(),
                0.1);
  }
  EXPECT_LT(entropies[0], 1.5);
  EXPECT_GT(entropies[1], entropies[0] + 0.3);
}

// Log-likelihood of `completion` after `prompt`, by the plain log-softmax.
double log_likelihood(const Model& model, const std::vector<std::int64_t>& prompt,
                      const std::vector<std::int64_t>& completion) {
  std::vector<std::int64_t> all = prompt;
  all.insert(all.end(), completion.begin(), completion.end());
  const at::Tensor hidden =
      model.forward_hidden(at::tensor(all, at::kLong), Packing::equal(1, std::ssize(all)));
  const at::Tensor log_p = at::log_softmax(model.logits(hidden), -1);
  double sum = 0;
  for (std::size_t j = 0; j < completion.size(); ++j)
    sum += log_p[prompt.size() + j - 1][completion[j]].item<double>();
  return sum;
}

// Where every rollout fails, the demonstration is the only signal. The unguided prompt "one two" (3, 4) has
// the solution "yes one" and the end (1, 3, 0); under guidance, and with other objectives, nothing is
// learned.
TEST(Trainer, OnlyLuffyLearnsFromTheDemonstration) {
  const std::vector<std::int64_t> prompt = {3, 4}, solution = {1, 3, 0};
  for (const char* kind : {"luffy", "ppo_clip"}) {
    for (const int guided : {0, 1}) {
      test::TempFolder folder("luffy");
      World world([](const Problem&, std::string_view) { return false; });
      world.job.hard = {test::problem("a", "one two", "red")};
      world.job.objective.kind = kind;
      world.job.mixture.unguided = 1 - guided;
      world.job.mixture.guided = guided;
      world.job.config.steps = 10;
      world.job.config.rollouts_every = 1;
      const std::vector<at::Tensor> before = test::masters_of(*world.job.model);
      const double unlikely = log_likelihood(*world.job.model, prompt, solution);
      std::vector<double> probabilities;
      for (std::size_t j = 0; j < 3; ++j) {
        std::vector<std::int64_t> shown = prompt;
        shown.insert(shown.end(), solution.begin(), solution.begin() + j);
        probabilities.push_back(std::exp(log_likelihood(*world.job.model, shown, {solution[j]})));
      }
      world.train(folder / "run");
      const Json row = test::metrics_of(folder / "run").front();
      const bool learns = kind == std::string("luffy") && !guided;
      EXPECT_EQ(row["groups/no_signal"], learns ? 0 : 4);
      EXPECT_EQ(row["groups/all_fail"], 4);
      EXPECT_EQ(row.contains("policy/demonstration"), learns);
      EXPECT_EQ(row.value("groups/demonstrated", -1), kind == std::string("ppo_clip") ? -1 : guided ? 0 : 4);
      if (!learns) {
        EXPECT_EQ(test::largest_difference(test::masters_of(*world.job.model), before), 0);
        continue;
      }
      EXPECT_NEAR(row["policy/demonstration"].get<double>(),
                  (probabilities[0] + probabilities[1] + probabilities[2]) / 3, 1e-5);
      // On-policy every rollout token gives −A = 1/9; the demonstration, of A = 8/9, its shaped probability.
      double shaped = 0;
      for (const double p : probabilities) shaped += p / (p + 0.1);
      const double tokens = row["tokens/sampled"];
      EXPECT_NEAR(row["loss"].get<double>(), (tokens / 9 - 4 * shaped * 8 / 9) / (tokens + 4 * 3), 1e-4);
      EXPECT_GT(log_likelihood(*world.job.model, prompt, solution), unlikely + 0.5);
    }
  }
}

// A solution that no rollout could be as long as joins no group.
TEST(Trainer, LongDemonstrationsStayOut) {
  test::TempFolder folder("luffy_long");
  World world([](const Problem&, std::string_view) { return false; });
  world.job.hard[0].solution = "yes one two";  // 4 tokens with the end, of at most 3
  world.job.objective.kind = "luffy";
  world.job.mixture.guided = 0;
  world.job.config.steps = 1;
  world.job.config.prompts_per_step = 3;
  world.train(folder / "run");
  EXPECT_EQ(test::metrics_of(folder / "run").back()["groups/demonstrated"], 2);
}

// A group without signal is not forwarded, but the loss is that of the batch with it.
TEST(Trainer, GroupsWithoutSignalCountInTheDenominators) {
  const std::map<std::string, double> expected = {{"seq_sum", (27 * -0.5 + 17 * 0.6) / 16},
                                                  {"token_mean", (27 * -0.5 + 17 * 0.6) / 88},
                                                  {"seq_mean", (6 * -0.5 + 2 * 0.6) / 16}};
  for (const auto& [aggregation, loss] : expected) {
    World world(
        [](const Problem& p, std::string_view completion) { return p.id == "a" && says_yes(p, completion); });
    world.job.hard = {test::problem("a", "one two"), test::problem("b", "two")};
    world.job.objective.aggregation = aggregation;
    const Json row = train_one_step(world);
    EXPECT_NEAR(row["loss"].get<double>(), loss, 1e-5) << aggregation;
    EXPECT_EQ(row["groups/no_signal"], 1);
    EXPECT_EQ(row["reward/unguided"], 6.0 / 16);
  }
}

TEST(Trainer, VerifierSeesWhatThePromptShowed) {
  test::TempFolder folder("shown");
  std::map<std::string, int> seen;  // instruction, or "unguided"
  World world([&](const Problem& p, std::string_view) {
    ++seen[p.guidance ? p.guidance->instruction : "unguided"];
    return false;
  });
  world.job.prompts = test::tiny_prompts("user", "silent");
  world.job.hard[1].guidance->instruction = "default";
  world.job.config.steps = 1;
  world.job.config.prompts_per_step = 6;
  world.train(folder / "run");
  EXPECT_EQ(seen, (std::map<std::string, int>{{"unguided", 24}, {"silent", 16}, {"default", 8}}));
}

TEST(Trainer, NanStopsBeforeTheWeights) {
  test::TempFolder folder("nan");
  World world;
  int step = 0;
  FakeEngine engine([&](const Request& request, int sample) {
    Rollout rollout = scripted(request, sample);
    if (request.tag == 0 && sample == 0) ++step;
    if (step == 3) rollout.logprobs[0] = std::nanf("");
    return rollout;
  });
  world.job.config.max_sampler_mismatch = 100;
  world.job.config.save_every = 1;
  world.job.engine = &engine;
  try {
    world.train(folder / "run");
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("step 3"), std::string::npos) << text;
    EXPECT_NE(text.find("optimizer.lr"), std::string::npos) << text;
  }
  EXPECT_EQ(test::metrics_of(folder / "run").size(), 2u);
  const std::vector<at::Tensor> now = test::masters_of(*world.job.model);
  Optimizer optimizer({}, *world.job.model);
  const std::optional<Json> state = load_newest_checkpoint(folder / "run", *world.job.model, optimizer);
  EXPECT_EQ((*state)["step"], 2);
  EXPECT_EQ(test::largest_difference(now, test::masters_of(*world.job.model)), 0);
}

TEST(Trainer, RefusesImpossibleJobs) {
  test::TempFolder folder("refuse");
  const std::vector<std::function<void(TrainJob&)>> faults = {
      [](TrainJob& job) { job.config.rollouts_per_prompt = 1; },
      [](TrainJob& job) { job.config.steps = 0; },
      [](TrainJob& job) { job.config.updates_per_batch = 5; },
      [](TrainJob& job) { job.config.epochs_per_batch = 0; },
      [](TrainJob& job) { job.sampling.temperature = 0; },
      [](TrainJob& job) { job.objective.kind = "grpo"; },
      [](TrainJob& job) { job.optimizer.schedule = "step"; },
      [](TrainJob& job) { job.optimizer.warmup = job.config.steps + 1; },
      [](TrainJob& job) { job.objective.pass_k = 9; },
      [](TrainJob& job) { job.objective.kl_coef = 0.1; },  // no reference
      [](TrainJob& job) {
        job.objective.kind = "luffy";
        for (Problem& problem : job.hard) problem.solution = "";
      },
  };
  for (const auto& fault : faults) {
    World world;
    FakeEngine engine(scripted);
    world.job.engine = &engine;
    fault(world.job);
    EXPECT_THROW(world.train(folder / "run"), Error);
    EXPECT_TRUE(engine.requests.empty());
  }
}

// A sampler of other weights shows in its logprobs.
TEST(Trainer, StopsWhereTheSamplerRunsOtherWeights) {
  for (const double bound : {1.0, 3.0}) {
    test::TempFolder folder("mismatch");
    World world;
    FakeEngine engine([&](const Request& request, int sample) {
      Rollout rollout = scripted(request, sample);
      for (float& logprob : rollout.logprobs) logprob -= 2;  // nats below what the policy says
      return rollout;
    });
    world.job.engine = &engine;
    world.job.config.steps = 1;
    world.job.config.max_sampler_mismatch = bound;
    if (bound < 2) {
      EXPECT_THROW(world.train(folder / "run"), Error);
    } else {
      world.train(folder / "run");
    }
  }
}

// Nothing succeeds: KL alone moves the weights, unless it may not act there.
TEST(Trainer, RegularisersCanLeaveGroupsWithoutSignalAlone) {
  for (const bool all : {true, false}) {
    test::TempFolder folder("regularised");
    World world([](const Problem&, std::string_view) { return false; });
    world.job.reference = Model::random(test::tiny_architecture(), 9);
    world.job.objective.kl_coef = 0.1;
    world.job.objective.regularize_without_signal = all;
    world.job.config.steps = 1;
    world.train(folder / "run");
    const double norm = test::metrics_of(folder / "run")[0]["grad_norm"];
    if (all) {
      EXPECT_GT(norm, 1e-3);
    } else {
      EXPECT_EQ(norm, 0);
    }
  }
}

// An engine with weights of its own is told of each version, the one that it begins with too.
TEST(Trainer, TellsTheEngineOfNewWeights) {
  class Told : public FakeEngine {
   public:
    using FakeEngine::FakeEngine;
    void publish(std::int64_t version) override { versions.push_back(version); }
    std::vector<std::int64_t> versions;
  };
  test::TempFolder folder("publish");
  Told engine(scripted), again(scripted);
  World world;
  world.job.engine = &engine;
  world.job.config.max_sampler_mismatch = 100;
  world.job.config.steps = 3;
  world.job.config.save_every = 1;
  world.train(folder / "run");
  EXPECT_EQ(engine.versions, (std::vector<std::int64_t>{0, 1, 2, 3}));
  std::filesystem::remove_all(folder / "run/model");
  World resumed;
  resumed.job.engine = &again;
  resumed.job.config = world.job.config;
  resumed.train(folder / "run");
  ASSERT_EQ(again.versions.size(), 1u);
}

}  // namespace
}  // namespace pope
