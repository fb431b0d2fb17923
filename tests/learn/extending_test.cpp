// The examples of docs/extending.md, compiled and run. What stands there in code blocks stands here, to the
// letter.
#include <gtest/gtest.h>

#include <sstream>

#include "explore/guide.h"
#include "explore/mine.h"
#include "learn/bandit.h"
#include "learn/learn_batch.h"
#include "learn/token_losses.h"
#include "rollout/make_engine.h"

namespace pope {
namespace {

using test::BanditWorld;

std::vector<Guidance> hints(const Problem& problem, const GuideConfig& config, RngStream,
                            const Usable& usable) {
  std::vector<Guidance> found;
  for (const Json& hint : problem.extra.value("hints", Json::array())) {
    Guidance guidance{.kind = config.kind, .text = hint.get<std::string>()};
    if (usable(guidance)) found.push_back(guidance);
  }
  return found;
}
const GuidanceSource hint_source{.candidates = hints, .needs_solution = false};

at::Tensor reinforce_losses(const ObjectiveConfig&, const TokenBatch& batch, const at::Tensor&) {
  return -batch.advantages * batch.logprobs;
}
Clipped reinforce_clipped(const ObjectiveConfig&, const TokenBatch&, const at::Tensor& ratio) {
  const at::Tensor none = at::zeros_like(ratio, at::kBool);
  return {none, none};
}

std::vector<Sequence> imitate_successes(const Group& group, const PromptRenderer& renderer) {
  const Prompt bare = make_prompt(renderer, group.prompt->problem, /*show_guidance=*/false);
  std::vector<Sequence> sequences;
  for (const GradedRollout& graded : group.rollouts) {
    if (graded.reward() == 1)
      sequences.push_back({.prompt = bare.train, .completion = graded.rollout.tokens});
  }
  return sequences;  // LossKind::likelihood with weight 1 is the default
}

class OneAnswer : public Engine {
 public:
  void run(const SamplingConfig&, std::uint64_t, std::span<const int>, const NextRequest& next,
           const OnRollout& done, const ContinueSampling& go_on) override {
    while (go_on()) {
      const std::optional<Request> request = next();
      if (!request) return;
      for (int i = 0; i < request->samples; ++i) {
        done(
            {.tag = request->tag, .sample = request->first_sample + i, .tokens = {1, 0}, .logprobs = {0, 0}});
      }
    }
  }
  EngineStats stats() const override { return {}; }
};

class EndsWith : public Verifier {
 public:
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    const bool correct = completion.ends_with(problem.answer);
    return {.correct = correct,
            .extracted = std::string(completion),
            .reason = correct ? "ends so" : "ends otherwise"};
  }
};

// What a program does once, at its start.
void add_all() {
  guidance_sources()["hint"] = hint_source;
  policy_losses()["reinforce"] = {reinforce_losses, reinforce_clipped};
  engines()["one_answer"] = [](const EngineConfig&, const EngineParts&) -> std::unique_ptr<Engine> {
    return std::make_unique<OneAnswer>();
  };
  verifiers()["ends_with"] = [](const VerifyConfig&) -> std::unique_ptr<Verifier> {
    return std::make_unique<EndsWith>();
  };
}

// The engine answers "yes" to everything, and that is the answer.
TEST(Extending, ASourceAnEngineAndAVerifierWorkTogether) {
  add_all();
  BanditWorld world;
  const std::unique_ptr<Engine> engine = make_engine({.kind = "one_answer"}, {});
  const std::unique_ptr<Verifier> verifier = make_verifier({.kind = "ends_with"});
  const RolloutContext context{*engine, *world.job.prompts, *verifier, world.job.sampling, {0}};
  Problem hinted = test::problem("a", "one two"), bare = test::problem("b", "two");
  hinted.solution.clear();
  hinted.extra["hints"] = {"so yes it is", "red", "blue"};  // the first states the answer
  const GuideResult result = guide(context, {.kind = "hint", .samples = 2}, {hinted, bare}, {}, {});
  ASSERT_EQ(result.problems.size(), 1u);
  EXPECT_EQ(result.problems[0].guidance->text, "red");
  EXPECT_EQ(result.problems[0].guidance->kind, "hint");
  EXPECT_EQ(result.problems[0].guidance->correct, 2);
  EXPECT_EQ(result.leaks_prevented, 1);
}

// On-policy its gradient is ppo_clip's, −A: the same first step.
TEST(Extending, APolicyLossTrains) {
  add_all();
  std::vector<double> norms;
  const auto weights = [&](const std::string& kind) {
    test::TempFolder folder("extending");
    BanditWorld world;
    world.job.objective.kind = kind;
    world.job.config.steps = 1;
    world.train(folder / "run");
    norms.push_back(test::metrics_of(folder / "run")[0]["grad_norm"]);
    return test::masters_of(*world.job.model);
  };
  EXPECT_LT(test::largest_difference(weights("reinforce"), weights("ppo_clip")), 1e-5);
  EXPECT_NEAR(norms[0], norms[1], 1e-5 * norms[1]);
}

TEST(Extending, AnAlgorithmChoosesWhatIsLearnedFrom) {
  BanditWorld world;
  Group group;
  group.prompt = std::make_shared<const Prompt>(
      make_prompt(*world.job.prompts, test::problem("a", "one two", "red"), true));
  group.rollouts.resize(2);
  group.rollouts[0].rollout.tokens = {2, 0};
  group.rollouts[1].rollout.tokens = {1, 5, 0};
  group.rollouts[1].verdict.correct = true;
  const std::vector<Sequence> sequences = imitate_successes(group, *world.job.prompts);
  ASSERT_EQ(sequences.size(), 1u);
  EXPECT_EQ(sequences[0].prompt, (std::vector<int>{3, 4}));
  EXPECT_EQ(sequences[0].completion, (std::vector<int>{1, 5, 0}));
  EXPECT_EQ(sequences[0].kind, LossKind::likelihood);
  // Learned from, they become likelier.
  const auto likelihood = [&] {
    const c10::NoGradGuard no_grad;
    return token_logprobs_of(*world.job.model, micro_batches(sequences, 100)[0], 1.0)
        .logprobs.sum()
        .item<float>();
  };
  const float before = likelihood();
  group.sequences = sequences;
  Optimizer optimizer(world.job.optimizer, *world.job.model);
  test::learn_batch(world.job, {group}, 0, optimizer);
  EXPECT_GT(likelihood(), before + 0.1);
}

TEST(Extending, TheDocumentHasTheseExamples) {
  const std::filesystem::path root = POPE_SOURCE_DIR;
  const std::string here = read_file(root / "tests/learn/extending_test.cpp"),
                    document = read_file(root / "docs/extending.md");
  int blocks = 0;
  for (std::size_t at = document.find("```cpp\n"); at != std::string::npos;
       at = document.find("```cpp\n", at)) {
    at += 7;
    const std::string block = document.substr(at, document.find("```", at) - at);
    EXPECT_NE(here.find(block), std::string::npos) << block;
    ++blocks;
  }
  EXPECT_EQ(blocks, 9);
}

}  // namespace
}  // namespace pope
