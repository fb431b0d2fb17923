// P²O: hard problems and template draws by hand, whole runs against a scripted policy, the distilled gradient
// against a plain reference, ablations, and runs that are killed anywhere.
#include "learn/p2o.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "core/temp_dir.h"
#include "explore/fake_engine.h"
#include "learn/bandit.h"
#include "learn/curriculum.h"
#include "learn/group_source.h"
#include "learn/learn_batch.h"

namespace pope {
namespace {

using test::FakeEngine;
using test::metrics_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kYes = 1, kNo = 2, kOne = 3, kTwo = 4, kThree = 5, kBlue = 7, kHint = 8, kEnd = 0;

TEST(P2o, HardIsWhatHasNoSuccessOrOne) {
  P2oConfig config;
  EXPECT_TRUE(is_hard(config, 0));
  EXPECT_TRUE(is_hard(config, 1));
  EXPECT_FALSE(is_hard(config, 2));
  config.near_hard = false;
  EXPECT_TRUE(is_hard(config, 0));
  EXPECT_FALSE(is_hard(config, 1));
}

Candidate candidate(const std::string& text, std::vector<double> scores) {
  Candidate one;
  one.texts = {{kTemplate, text}};
  one.scores = std::move(scores);
  return one;
}

// Five dev problems: the cover takes B (three of them), then C (one more), and not A, which adds nothing.
Evolution by_hand() {
  Evolution evolution;
  evolution.dev = {"d0", "d1", "d2", "d3", "d4"};
  evolution.candidates = {candidate("", {0, 0, 0, 0, 0}), candidate("A", {1, 1, 0, 0, 0}),
                          candidate("B", {1, 1, 1, 0, 0}), candidate("C", {0, 0, 1, 1, 0})};
  return evolution;
}

TEST(P2o, ASolvedDevProblemDrawsFromItsSolversAnyOtherFromTheCover) {
  const std::vector<std::string> hard = {"d0", "d3", "d4", "f0"};
  const TemplateDraws draws = draw_templates(by_hand(), hard, 6, true, 3);
  EXPECT_EQ(draws.templates, (std::vector<std::string>{"B", "C"}));
  EXPECT_EQ(draws.solved, 4);
  ASSERT_THAT(draws.given, SizeIs(4));
  EXPECT_THAT(draws.given.at("d0"), ElementsAre(0, 0, 0, 0, 0, 0));  // A is not in the cover
  EXPECT_THAT(draws.given.at("d3"), ElementsAre(1, 1, 1, 1, 1, 1));
  for (const char* id : {"d4", "f0"}) {
    EXPECT_THAT(draws.given.at(id), SizeIs(6)) << id;
    EXPECT_TRUE(std::is_sorted(draws.given.at(id).begin(), draws.given.at(id).end())) << id;
  }
  // The same again; of another seed another one.
  EXPECT_EQ(draw_templates(by_hand(), hard, 6, true, 3).given, draws.given);
  EXPECT_NE(draw_templates(by_hand(), {"d2", "d4", "f0", "f1", "f2"}, 6, true, 3).given,
            draw_templates(by_hand(), {"d2", "d4", "f0", "f1", "f2"}, 6, true, 4).given);
}

TEST(P2o, DrawsFollowTheMeanDevScores) {
  std::vector<std::string> hard;
  for (int i = 0; i < 2000; ++i) hard.push_back("f" + std::to_string(i));
  double c = 0;
  for (const auto& [id, given] : draw_templates(by_hand(), hard, 6, true, 1).given)
    c += static_cast<double>(std::count(given.begin(), given.end(), 1));
  // B has 3/5, C 2/5: 12,000 draws with 0.4 have a standard deviation of 0.0045.
  EXPECT_NEAR(c / 12000, 0.4, 0.015);
  // d2 is solved by both.
  const std::vector<int> both = draw_templates(by_hand(), {"d2"}, 400, true, 1).given.at("d2");
  EXPECT_NEAR(std::count(both.begin(), both.end(), 1) / 400.0, 0.4, 0.08);
}

TEST(P2o, OneTemplatePerGroupAndNoneAtAll) {
  std::vector<std::string> hard;
  for (int i = 0; i < 50; ++i) hard.push_back("f" + std::to_string(i));
  std::set<int> drawn;
  for (const auto& [id, given] : draw_templates(by_hand(), hard, 6, false, 1).given) {
    EXPECT_THAT(given, SizeIs(6));
    EXPECT_THAT(given, Each(given.front()));
    drawn.insert(given.front());
  }
  EXPECT_EQ(drawn, (std::set<int>{0, 1}));
  Evolution nothing = by_hand();
  for (Candidate& one : nothing.candidates) one.scores.assign(5, 0);
  const TemplateDraws none = draw_templates(nothing, hard, 6, true, 1);
  EXPECT_THAT(none.templates, SizeIs(0));
  EXPECT_THAT(none.given, SizeIs(0));
  EXPECT_EQ(none.solved, 0);
}

// Eight problems, four a step, two steps an epoch. The reflection model proposes "hint" or "blue".
struct P2oWorld : test::BanditWorld {
  explicit P2oWorld(test::FakeVerifier::Judge judge = test::says_yes)
      : BanditWorld(std::move(judge)),
        reflector([this](const Request& request, int) { return reply(request); }) {
    PromptConfig config;
    config.chat_template = "plain";
    config.unguided = "{problem}";
    add_evolved_wording(config);
    job.prompts = std::make_shared<PromptRenderer>(config, make_word_tokenizer(test::kWords, "<eos>"));
    PromptConfig bare;
    bare.chat_template = "plain";
    bare.system = "";
    bare.unguided = "{problem}";
    messages = std::make_unique<PromptRenderer>(bare, std::make_shared<fake::BytesTokenizer>());
    SamplingConfig sampling;
    sampling.max_new_tokens = 100;
    job.reflection = std::make_shared<const ReflectionModel>(
        ReflectionModel{reflector, *messages, std::vector<int>{}, sampling});
    job.hard.clear();
    for (const auto& [id, statement] : std::vector<std::pair<std::string, std::string>>{{"a", "one"},
                                                                                        {"b", "one red"},
                                                                                        {"c", "one one"},
                                                                                        {"d", "two"},
                                                                                        {"e", "two red"},
                                                                                        {"f", "two two"},
                                                                                        {"g", "three"},
                                                                                        {"h", "three red"}})
      job.hard.push_back(test::problem(id, statement, "red red"));
    job.mixture = {.unguided = 1, .guided = 0};
    job.objective.context_distillation = true;
    job.config.guidance = "evolved";
    job.config.steps = 6;
    job.config.rollouts_per_prompt = 6;
    job.config.rollouts_every = 1;
    job.config.save_every = 100;
    job.config.max_sampler_mismatch = 100;
    job.p2o.min_hard = 4;
    job.evolve.minibatch = 1;
    job.evolve.budget = 100;
    job.evolve.patience = 30;
  }

  // Which words open the prompt decides whether it is solved: threes always, ones under "hint", twos under
  // "blue".
  static Rollout obedient(const Request& request, int) {
    const std::vector<int>& prompt = request.prompt;
    const auto has = [&](int word) { return std::find(prompt.begin(), prompt.end(), word) != prompt.end(); };
    const bool right = has(kThree) || (has(kHint) && has(kOne)) || (has(kBlue) && has(kTwo));
    Rollout rollout;
    rollout.tokens = {right ? kYes : kNo, kEnd};
    rollout.logprobs = {std::log(0.5f), 0};
    return rollout;
  }
  void script_policy() {
    scripted = std::make_unique<FakeEngine>(obedient);
    job.engine = scripted.get();
  }

  Rollout reply(const Request& request) {
    ++reflections;
    const std::string text = request.rng_key % 2 == 0 ? "```\nhint\n```" : "```\nblue\n```";
    Rollout rollout;
    rollout.tokens.assign(text.begin(), text.end());
    return rollout;
  }

  int reflections = 0;
  FakeEngine reflector;
  std::unique_ptr<PromptRenderer> messages;
  std::unique_ptr<FakeEngine> scripted;
};

std::vector<Json> rows_of(const std::filesystem::path& file) {
  std::vector<Json> rows;
  read_jsonl(file, [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
  return rows;
}

std::vector<Json> records(const std::filesystem::path& run, int step) {
  return rows_of(run / "rollouts" / ("step-00000" + std::to_string(step) + ".jsonl.zst"));
}

TEST(P2o, EpochsHardProblemsAndTheirTemplates) {
  TempDir dir;
  P2oWorld world;
  world.script_policy();
  world.train(dir / "run");
  const std::vector<Json> rows = metrics_of(dir / "run");
  ASSERT_THAT(rows, SizeIs(6));
  const auto column = [&](const std::string& key) {
    std::vector<double> values;
    for (const Json& row : rows) values.push_back(row.at(key).get<double>());
    return values;
  };
  EXPECT_THAT(column("p2o/epoch"), ElementsAre(1, 1, 2, 2, 3, 3));
  EXPECT_EQ(column("p2o/found")[1], 6);  // all but the threes
  EXPECT_EQ(column("p2o/hard")[1], 0);
  EXPECT_EQ(column("p2o/hard")[2], 6);
  EXPECT_EQ(column("p2o/templates")[2], 2);
  EXPECT_EQ(column("p2o/solved")[2], 3);
  EXPECT_EQ(column("p2o/seed_mean")[2], 0);
  EXPECT_NEAR(column("p2o/best_mean")[2], 2 / 3.0, 1e-12);
  EXPECT_GT(column("p2o/metric_calls")[2], 6);
  EXPECT_EQ(column("p2o/rollouts"), column("p2o/metric_calls"));
  EXPECT_GT(column("p2o/reflection_tokens")[2], 100);

  // Every epoch has every problem once; guidance of the file is never shown.
  std::set<std::string> dev;
  const std::vector<Json> candidates = rows_of(dir / "run/evolve/epoch-001/candidates.jsonl");
  ASSERT_THAT(candidates, SizeIs(3));  // none, "hint", "blue"
  for (const auto& [id, score] : candidates[0]["scores"].items()) dev.insert(id);
  ASSERT_THAT(dev, SizeIs(3));
  std::set<std::string> mixed;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::map<std::string, std::set<std::string>> shown;
    std::map<std::string, int> count, correct;
    for (int step = 2 * epoch + 1; step <= 2 * epoch + 2; ++step) {
      for (const Json& record : records(dir / "run", step)) {
        const std::string id = record["problem_id"];
        EXPECT_EQ(record["sample"], count[id]++);
        correct[id] += record["correct"].get<bool>();
        shown[id].insert(record["guidance"].is_null() ? "" : record["guidance"].get<std::string>());
        EXPECT_EQ(record["set"],
                  epoch == 1 && record["problem"].get<std::string>().find("three") == std::string::npos
                      ? "guided"
                      : "unguided");
      }
    }
    ASSERT_THAT(shown, SizeIs(8)) << epoch;
    for (const auto& [id, texts] : shown) {
      EXPECT_EQ(count[id], 6) << id;
      const bool three = id == "g" || id == "h";
      if (epoch == 0 || three) {
        EXPECT_EQ(texts, std::set<std::string>{""}) << id;
        EXPECT_EQ(correct[id], three ? 6 : 0) << id;
      } else if (dev.contains(id)) {  // solved there, by one template
        EXPECT_EQ(texts, std::set<std::string>{id < "d" ? "hint" : "blue"}) << id;
        EXPECT_EQ(correct[id], 6) << id;
      } else {
        EXPECT_FALSE(texts.contains("")) << id;
        if (texts.size() == 2) mixed.insert(id);
      }
    }
  }
  EXPECT_FALSE(mixed.empty());  // one group, several templates
  // What had two successes in the second epoch goes without a template in the third.
  EXPECT_EQ(rows[4]["p2o/hard"], 0);
  EXPECT_LT(rows[3]["p2o/found"], 4);
}

TEST(P2o, WithFewHardProblemsNothingEvolves) {
  TempDir dir;
  P2oWorld world;
  world.script_policy();
  world.job.p2o.min_hard = 7;
  ::testing::internal::CaptureStderr();
  world.train(dir / "run");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("epoch 1 left 6 hard problems"));
  EXPECT_EQ(world.reflections, 0);
  for (const Json& row : metrics_of(dir / "run")) {
    EXPECT_EQ(row["p2o/hard"], 0);
    EXPECT_EQ(row["p2o/metric_calls"], 0);
    EXPECT_FALSE(row.contains("reward/guided"));
  }
}

TEST(P2o, ASingleTurnOfReflection) {
  TempDir dir;
  P2oWorld world;
  world.script_policy();
  world.job.evolve.iterations = 1;
  world.job.evolve.parallel = 4;
  world.job.config.steps = 4;
  world.train(dir / "run");
  EXPECT_EQ(world.reflections, 4);
  for (const Json& row : rows_of(dir / "run/evolve/epoch-001/proposals.jsonl")) {
    EXPECT_EQ(row["iteration"], 1);
    EXPECT_EQ(row["parents"], Json::array({0}));
  }
}

TEST(P2o, WhatCannotWorkIsRefused) {
  const auto refused = [](const std::function<void(TrainJob&)>& change) {
    TempDir dir;
    P2oWorld world;
    world.script_policy();
    change(world.job);
    return error_of([&] { world.train(dir / "run"); });
  };
  EXPECT_THAT(refused([](TrainJob& job) { job.mixture.guided = 1; }),
              HasSubstr("mixture: expected guided=0 and easy=0"));
  EXPECT_THAT(refused([](TrainJob& job) { job.config.prompts_per_step = 9; }),
              HasSubstr("at least train.prompts_per_step = 9 problems"));
  EXPECT_THAT(refused([](TrainJob& job) { job.reflection = nullptr; }), HasSubstr("a reflection model"));
  EXPECT_THAT(refused([](TrainJob& job) { job.evolve.budget = 3; }),
              HasSubstr("evolve.budget: expected at least 4"));
  EXPECT_THAT(refused([](TrainJob& job) { job.config.mode = "async"; }),
              HasSubstr("sync with train.guidance=evolved"));
}

// The state of a run in its second epoch: a has "hint" and none by turns, b has "blue".
Json second_epoch() {
  return {{"found", Json::array()},
          {"evolved",
           {{"epoch", 1},
            {"templates", {"", "hint", "blue"}},
            {"given", {{"a", {0, 0, 1, 1, 1, 2}}, {"b", {2, 2, 2, 2, 2, 2}}}},
            {"solved", 2},
            {"seed_mean", 0},
            {"best_mean", 0.5},
            {"metric_calls", 9},
            {"tokens", 18},
            {"reflection_tokens", 100}}}};
}

std::vector<GroupPlan> plans_of(const TrainJob& job, const std::filesystem::path& run) {
  const Mixture mixture(job.mixture, job.hard, job.easy, job.seed);
  const std::unique_ptr<Curriculum> curriculum = make_p2o(job, mixture, run);
  curriculum->restore(second_epoch());
  EXPECT_EQ(curriculum->state(), second_epoch());
  std::vector<GroupPlan> all = curriculum->plan(2);
  for (GroupPlan& plan : curriculum->plan(3)) all.push_back(std::move(plan));
  return all;
}

TEST(P2o, PromptsAreSampledUnderTemplatesAndTrainedBareOrNot) {
  TempDir dir;
  for (const bool distils : {true, false}) {
    P2oWorld world;
    world.job.objective.context_distillation = distils;
    for (const GroupPlan& plan : plans_of(world.job, dir.path())) {
      const std::string id = plan.prompt->problem.id;
      const std::vector<int> bare = world.job.prompts->render(plan.prompt->problem.statement);
      EXPECT_EQ(plan.prompt->sample, bare);
      EXPECT_EQ(plan.prompts.size(), id == "a" || id == "b" ? 6u : 0u) << id;
      for (std::size_t i = 0; i < plan.prompts.size(); ++i) {
        const Prompt& prompt = *plan.prompts[i];
        std::vector<int> sample = bare;
        if (id == "b" || i == 5) sample.insert(sample.begin(), kBlue);
        if (id == "a" && 2 <= i && i < 5) sample.insert(sample.begin(), kHint);
        EXPECT_EQ(prompt.sample, sample) << id << i;
        EXPECT_EQ(prompt.train, distils ? bare : sample) << id << i;
        EXPECT_EQ(prompt.guided(), sample != bare) << id << i;
      }
    }
  }
}

// The loss of a group under three prompts, sequence by sequence and token by token:
// −1/N Σ_i Σ_t m_it·A_i·log π(y_it | x, y_<t), A_i = r_i − mean over the whole group, m_it = 1 where
// π(y_it|x)/π(y_it|T(x, z_i)) is in [low, high], else 0 (hard) or the bound over that ratio (soft).
TEST(P2o, TheDistilledGradientIsThatOfAPlainReference) {
  TempDir dir;
  P2oWorld given;
  GroupPlan plan;
  for (GroupPlan& one : plans_of(given.job, dir.path()))
    if (one.prompt->problem.id == "a") plan = one;
  const std::vector<std::vector<int>> completions = {{1, 0},    {2, 5, 0}, {1, 6, 0},
                                                     {2, 7, 0}, {1, 8, 4}, {2, 3, 6}};
  const double tokens = 2 + 5 * 3;
  const auto logprobs = [](const Model& model, const std::vector<int>& prompt, const std::vector<int>& y) {
    return token_logprobs_of(model, micro_batches({{.prompt = prompt, .completion = y}}, 1)[0], 1.0).logprobs;
  };
  // What the policy gives each token under its template and under the bare prompt.
  std::vector<std::vector<float>> there(6), here(6);
  std::vector<double> ratios;  // of those that have a template
  for (std::size_t i = 0; i < 6; ++i) {
    const c10::NoGradGuard no_grad;
    const auto values = [](const at::Tensor& x) {
      return std::vector<float>(x.data_ptr<float>(), x.data_ptr<float>() + x.numel());
    };
    there[i] = values(logprobs(*given.job.model, plan.prompts[i]->sample, completions[i]));
    here[i] = values(logprobs(*given.job.model, plan.prompt->sample, completions[i]));
    for (std::size_t t = 0; i >= 2 && t < there[i].size(); ++t)
      ratios.push_back(std::exp(static_cast<double>(here[i][t]) - there[i][t]));
  }
  std::sort(ratios.begin(), ratios.end());
  ASSERT_THAT(ratios, SizeIs(12));
  const double low = (ratios[2] + ratios[3]) / 2, high = (ratios[8] + ratios[9]) / 2;  // three on either side

  for (const std::string clip : {"hard", "soft"}) {
    P2oWorld plain, fast;  // the same weights, each with gradients of its own
    ObjectiveConfig& objective = fast.job.objective;
    objective.distillation_clip = clip;
    objective.distillation_low = low;
    objective.distillation_high = high;

    at::Tensor loss = at::zeros({});
    for (std::size_t i = 0; i < 6; ++i) {
      const double advantage = (i == 2) - 1.0 / 6;
      const at::Tensor logprob = logprobs(*plain.job.model, plan.prompt->sample, completions[i]);
      for (std::size_t t = 0; t < completions[i].size(); ++t) {
        const double ratio = std::exp(static_cast<double>(here[i][t]) - there[i][t]);
        double weight = 1;
        if (i >= 2 && ratio < low) weight = clip == "hard" ? 0 : low / ratio;
        if (i >= 2 && ratio > high) weight = clip == "hard" ? 0 : high / ratio;
        loss = loss - logprob[static_cast<std::int64_t>(t)] * (advantage * weight / tokens);
      }
    }
    loss.backward();

    Group group{.prompt = plan.prompt, .prompts = plan.prompts};
    for (std::size_t i = 0; i < 6; ++i) {
      GradedRollout graded;
      graded.verdict.correct = i == 2;
      graded.rollout.tokens = completions[i];
      graded.rollout.logprobs = there[i];
      group.rollouts.push_back(std::move(graded));
    }
    set_signal({objective, *fast.job.prompts}, group);
    std::vector<Sequence*> sequences;
    for (Sequence& sequence : group.sequences) sequences.push_back(&sequence);
    const DistillationMask mask = distil_context(objective, sequences, *fast.job.model, 1.0, 1000);
    EXPECT_EQ(mask.masked, 6);
    EXPECT_EQ(mask.tokens, 12);  // two rollouts had no template
    Optimizer optimizer({}, *fast.job.model);
    policy_gradient(objective, group.sequences, {static_cast<std::int64_t>(tokens), 6}, 1.0, 1000,
                    *fast.job.model, optimizer);
    // fp32 in another order of sums.
    EXPECT_LT(
        test::largest_difference(test::gradients_of(*fast.job.model), test::gradients_of(*plain.job.model)),
        1e-6)
        << clip;
  }
}

// The policy samples by itself, and three words of nine are right. It is killed in epochs and in evolutions,
// again and again in the same run.
TEST(P2o, AKilledRunIsTheUnbrokenOne) {
  TempDir dir;
  const auto make = [](std::uint64_t seed, int killed_at) {
    auto judge = [killed_at, calls = 0](const Problem&, std::string_view completion) mutable {
      if (++calls == killed_at) throw Error("test", "killed");
      return completion.starts_with("yes") || completion.starts_with("one") || completion.starts_with("two");
    };
    auto world = std::make_unique<P2oWorld>(judge);
    world->job.seed = seed;
    world->job.sampling.max_new_tokens = 8;
    world->job.p2o.min_hard = 2;
    world->job.evolve.budget = 40;
    world->job.evolve.patience = 10;
    return world;
  };
  // A seed with templates in both evolutions' epochs.
  std::uint64_t seed = 0;
  std::filesystem::path whole;
  const auto templates = [&](std::size_t row) { return metrics_of(whole)[row]["p2o/templates"].get<int>(); };
  do {
    ++seed;
    ASSERT_LT(seed, 30u);
    whole = dir / ("whole-" + std::to_string(seed));
    make(seed, -1)->train(whole);
  } while (templates(2) == 0 || !std::filesystem::exists(whole / "evolve/epoch-002"));
  // A start does the 48 rollouts of an epoch again, or goes on in an evolution.
  int starts = 0;
  while (true) {
    auto world = make(seed, 55 + starts % 2);
    ++starts;
    ASSERT_LT(starts, 100);
    try {
      world->train(dir / "run");
      break;
    } catch (const Error& error) {
      ASSERT_THAT(error.what(), HasSubstr("killed"));
    }
  }
  EXPECT_GT(starts, 2);
  test::expect_same_run(whole, dir / "run",
                        {"evolve/epoch-001/candidates.jsonl", "evolve/epoch-001/proposals.jsonl",
                         "evolve/epoch-002/candidates.jsonl"});
}

}  // namespace
}  // namespace pope
