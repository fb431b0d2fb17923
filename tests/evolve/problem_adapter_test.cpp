// Templates over problems, against an engine that is a function of the prompt.
#include "evolve/problem_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "core/temp_dir.h"
#include "explore/fake_engine.h"

namespace pope {
namespace {

using ::testing::AllOf;
using testing::FakeVerifier;
using ::testing::HasSubstr;
using testing::problem;

// Answers a prompt with the text that `script` gives for it and a sample; throws what it is told to.
class TextEngine : public Engine {
 public:
  using Script = std::function<std::string(const std::string& prompt, int sample)>;
  explicit TextEngine(Script script) : script_(std::move(script)) {}
  void run(const SamplingConfig&, std::uint64_t, std::span<const int>, const NextRequest& next,
           const OnRollout& done, const ContinueSampling&) override {
    while (const std::optional<Request> request = next()) {
      prompts.emplace_back(request->prompt.begin(), request->prompt.end());
      for (int i = 0; i < request->samples; ++i) {
        Rollout rollout{.tag = request->tag, .sample = request->first_sample + i};
        const std::string text = script_(prompts.back(), rollout.sample);
        rollout.tokens.assign(text.begin(), text.end());
        if (text.ends_with("...")) rollout.finish = FinishReason::length;
        keys.push_back(request->rng_key);
        done(std::move(rollout));
      }
    }
  }
  EngineStats stats() const override { return {}; }
  std::int64_t context() const override { return longest; }

  std::int64_t longest = 100'000;
  std::vector<std::string> prompts;
  std::vector<std::uint64_t> keys;

 private:
  Script script_;
};

PromptConfig plain(const std::string& unguided) {
  PromptConfig config;
  config.chat_template = "plain";
  config.system = "";
  config.unguided = unguided;
  return config;
}

PromptConfig evolved(const std::string& unguided) {
  PromptConfig config = plain(unguided);
  add_evolved_wording(config);
  return config;
}

struct World {
  explicit World(TextEngine::Script script) : engine(std::move(script)) {
    context.sampling.max_new_tokens = 100;
    model.sampling.max_new_tokens = 1000;
    problems = {problem("one"), problem("two"), problem("three")};
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ProblemAdapter adapter() { return {context, model, config, problems}; }
  std::vector<Evaluated> evaluate(const std::string& text, const std::vector<std::string>& ids) {
    const Texts texts = {{kTemplate, text}};
    std::vector<EvaluationJob> jobs;
    for (const std::string& id : ids) jobs.push_back({&texts, id});
    std::vector<Evaluated> all(ids.size());
    adapter().evaluate(jobs, [&](std::size_t i, Evaluated&& one) { all[i] = std::move(one); });
    return all;
  }

  TextEngine engine;
  PromptRenderer prompts{evolved("Q: {problem}"), std::make_shared<fake::BytesTokenizer>()},
      bare{plain("{problem}"), std::make_shared<fake::BytesTokenizer>()};
  FakeVerifier verifier;
  RolloutContext context{engine, prompts, verifier, {}, {}, 7};
  ReflectionModel model{engine, bare, {}, {}};
  EvolveConfig config;
  std::vector<Problem> problems;
};

TEST(ProblemAdapter, ATemplateStandsInFrontOfTheMessageAndAnEmptyOneNowhere) {
  World world([](const std::string&, int) { return "right"; });
  world.evaluate("", {"one"});
  world.evaluate("Think first.", {"one"});
  EXPECT_EQ(world.engine.prompts[0], "Q: <one>");
  EXPECT_EQ(world.engine.prompts[1], "Think first.\n\nQ: <one>");
  EXPECT_NE(world.engine.keys[0], world.engine.keys[1]);
  // Guidance that the problem came with is not shown.
  Problem guided = problem("one");
  guided.guidance = Guidance{};
  guided.guidance->text = "x=2";
  EXPECT_FALSE(with_template(guided, "").guidance);
  EXPECT_EQ(with_template(guided, "Think.").guidance->text, "Think.");
  // A wording of the user's own is kept.
  PromptConfig config = plain("{problem}");
  config.wordings[kEvolved] = {{"text", "{problem} // {guidance}"}};
  add_evolved_wording(config);
  EXPECT_EQ(config.all_wordings().at(kEvolved).text, "{problem} // {guidance}");
}

TEST(ProblemAdapter, TheScoreIsTheMeanRewardAndTheFirstFailureIsShown) {
  World world([](const std::string&, int sample) { return sample == 1 ? "wrong way" : "right"; });
  world.config.samples = 4;
  const Evaluated one = world.evaluate("Go.", {"one"})[0];
  EXPECT_DOUBLE_EQ(one.score, 0.75);
  EXPECT_EQ(one.output, "wrong way");
  EXPECT_THAT(one.feedback,
              AllOf(HasSubstr("3 of 4 attempts were right. This one: The final answer is wrong (scripted)."),
                    HasSubstr("was read: wrong"), HasSubstr("The reference answer is: ANSWER")));
  EXPECT_EQ(one.tokens, 3 * 5 + 9);
  ASSERT_EQ(one.rollouts.size(), 4u);
  EXPECT_EQ(one.rollouts[0]["guidance"], "Go.");

  World cut([](const std::string&, int) { return "right but..."; });
  EXPECT_DOUBLE_EQ(cut.evaluate("", {"one"})[0].score, 0);
  EXPECT_THAT(cut.evaluate("", {"one"})[0].feedback, HasSubstr("It was cut off after 12 tokens"));
  World right([](const std::string&, int) { return "right"; });
  EXPECT_THAT(right.evaluate("", {"one"})[0].feedback, HasSubstr("The final answer is right."));
}

TEST(ProblemAdapter, WhatCannotBeJudgedIsAnErrorAndNoScore) {
  World world([](const std::string& prompt, int sample) {
    return prompt.find("<one>") != std::string::npos || sample == 0 ? "r" : "right answer";
  });
  world.config.samples = 2;
  world.verifier.ungraded_below = 3;
  const std::vector<Evaluated> both = world.evaluate("", {"one", "two"});
  EXPECT_EQ(both[0].error, "the verifier could not judge: scripted");
  EXPECT_EQ(both[1].error, "");
  EXPECT_DOUBLE_EQ(both[1].score, 1);  // of the one that could be judged
}

TEST(ProblemAdapter, RefusesTemplatesThatCannotWork) {
  World world([](const std::string&, int) { return "right"; });
  world.config.max_text = 50;
  const ProblemAdapter adapter = world.adapter();
  EXPECT_EQ(adapter.refusal(kTemplate, "Think."), "");
  EXPECT_EQ(adapter.refusal(kTemplate, std::string(51, 'x')), "51 bytes, above evolve.max_text (50)");
  EXPECT_THAT(adapter.refusal(kTemplate, "Solve {problem}."), HasSubstr("it names the place {problem}"));
  world.engine.longest = 130;  // prompts have 8 to 10, completions 100
  EXPECT_EQ(adapter.refusal(kTemplate, "Think hard, twice."), "");
  EXPECT_EQ(adapter.refusal(kTemplate, "Think hard, 2 times."),
            "with it problem 'three' does not fit into the model's context");
}

TEST(ProblemAdapter, AReflectionSeesStatementsOutputsAndFeedbackAndFitsIntoTheContext) {
  World world([](const std::string& prompt, int) {
    return prompt.find("instruction text") != std::string::npos ? "```\nBetter.\n```" : "wrong";
  });
  Evaluated evaluated;
  evaluated.output = std::string(5000, 'o');
  evaluated.feedback = "Wrong.";
  const std::vector<ReflectionJob> jobs = {{kTemplate, "Old text.", {"two"}, {&evaluated}, 11}};
  std::vector<Reflection> replies;
  const auto keep = [&](std::size_t, Reflection&& one) { replies.push_back(std::move(one)); };
  ProblemAdapter adapter = world.adapter();
  adapter.reflect(jobs, keep);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].reply, "```\nBetter.\n```");
  EXPECT_EQ(replies[0].tokens, 15);
  EXPECT_EQ(replies[0].prompt_tokens, std::ssize(world.engine.prompts[0]));
  EXPECT_EQ(world.engine.keys[0], 11u);
  EXPECT_THAT(world.engine.prompts[0], AllOf(HasSubstr("Old text."), HasSubstr("<two>"),
                                             HasSubstr(evaluated.output), HasSubstr("Wrong.")));
  world.engine.longest = 4000;
  adapter.reflect(jobs, keep);
  EXPECT_LE(world.engine.prompts[1].size() + 1000, 4000u);
  EXPECT_THAT(world.engine.prompts[1], AllOf(HasSubstr("<two>"), HasSubstr("[...]")));
  world.engine.longest = 1200;
  EXPECT_THAT(error_of([&] { adapter.reflect(jobs, keep); }),
              AllOf(HasSubstr("do not fit"), HasSubstr("evolve.reflection_tokens")));
}

TEST(ProblemAdapter, AnEngineThatFailsIsAnErrorToTryAgainAfter) {
  World world([](const std::string& prompt, int) -> std::string {
    if (prompt.find("<two>") != std::string::npos) throw Error("http", "timed out");
    return "```\nBetter.\n```";
  });
  const Evaluated evaluated{};
  const std::vector<ReflectionJob> jobs = {{kTemplate, "", {"one"}, {&evaluated}, 1},
                                           {kTemplate, "", {"two"}, {&evaluated}, 2}};
  std::vector<std::string> errors(2);
  world.adapter().reflect(jobs, [&](std::size_t i, Reflection&& one) { errors[i] = one.error; });
  EXPECT_EQ(errors, (std::vector<std::string>{"", "[http] timed out"}));
}

// A reply is handed on as it comes: what ends the batch does not lose those before it.
TEST(ProblemAdapter, RepliesAreNotLostAtAStop) {
  World world([](const std::string& prompt, int) -> std::string {
    if (prompt.find("<two>") != std::string::npos) throw Interrupted();
    return "```\nBetter.\n```";
  });
  const Evaluated evaluated{};
  const std::vector<ReflectionJob> jobs = {{kTemplate, "", {"one"}, {&evaluated}, 1},
                                           {kTemplate, "", {"two"}, {&evaluated}, 2}};
  std::vector<std::string> kept;
  const auto keep = [&](std::size_t, Reflection&& one) { kept.push_back(one.reply + one.error); };
  EXPECT_THROW(world.adapter().reflect(jobs, keep), Interrupted);
  EXPECT_EQ(kept, std::vector<std::string>{"```\nBetter.\n```"});
}

// A disk that is full is no failure of the model, to be tried again.
TEST(ProblemAdapter, AReplyThatCannotBeKeptIsAnError) {
  World world([](const std::string&, int) { return "```\nBetter.\n```"; });
  const Evaluated evaluated{};
  const std::vector<ReflectionJob> jobs = {{kTemplate, "", {"one"}, {&evaluated}, 1},
                                           {kTemplate, "", {"two"}, {&evaluated}, 2}};
  int asked = 0;
  EXPECT_EQ(error_of([&] {
              world.adapter().reflect(jobs, [&](std::size_t, Reflection&&) {
                ++asked;
                throw Error("append", "disk full");
              });
            }),
            "[append] disk full");
  EXPECT_EQ(asked, 1);
}

TEST(SplitProblems, HalfAtMostIsTheDevSet) {
  std::vector<Problem> problems;
  for (int i = 0; i < 9; ++i) problems.push_back(problem(std::to_string(i)));
  const Instances few = split_problems(problems, 2, 1), half = split_problems(problems, 300, 1);
  EXPECT_EQ(few.dev.size(), 2u);
  EXPECT_EQ(few.feedback.size(), 7u);
  EXPECT_EQ(half.dev.size(), 4u);
  EXPECT_EQ(half.feedback.size(), 5u);
  std::set<std::string> all(half.dev.begin(), half.dev.end());
  all.insert(half.feedback.begin(), half.feedback.end());
  EXPECT_EQ(all.size(), 9u);
  EXPECT_NE(half.dev, split_problems(problems, 300, 2).dev);
  const Instances single = split_problems({problems[0]}, 300, 1);
  EXPECT_EQ(single.dev, (std::vector<std::string>{"0"}));
  EXPECT_EQ(single.feedback, single.dev);
}

}  // namespace
}  // namespace pope
