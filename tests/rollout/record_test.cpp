// What every engine shares: all requests at once, grading, and the record of a rollout.
#include "rollout/record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"

namespace pope {
namespace {

// Finishes rollouts last request first, samples backwards; token = 100 · request + sample.
class BackwardEngine : public Engine {
 public:
  explicit BackwardEngine(bool loses_one = false) : loses_one_(loses_one) {}
  void run(const SamplingConfig&, std::uint64_t, std::span<const int>, const NextRequest& next,
           const OnRollout& done, const ContinueSampling&) override {
    std::vector<Request> requests;
    while (auto request = next()) requests.push_back(*request);
    std::reverse(requests.begin(), requests.end());
    for (const Request& request : requests)
      for (int s = request.samples - 1; s >= (loses_one_ ? 1 : 0); --s) {
        const int sample = request.first_sample + s;
        done({request.tag, sample, {100 * request.prompt.at(0) + sample}, {-0.5F}});
      }
  }
  EngineStats stats() const override { return {}; }

 private:
  bool loses_one_;
};

std::vector<Request> three_requests() {
  std::vector<Request> requests(3);
  for (int i = 0; i < 3; ++i) {
    requests[static_cast<std::size_t>(i)].tag = 7;  // tags are ignored
    requests[static_cast<std::size_t>(i)].prompt = {i + 1};
  }
  requests[0].samples = 2;
  requests[1].samples = 1;
  requests[2].samples = 3;
  requests[2].first_sample = 4;
  return requests;
}

TEST(Engine, SampleSortsByRequestAndSample) {
  BackwardEngine engine;
  const auto rollouts = engine.sample({}, 1, {}, three_requests());
  std::vector<std::vector<int>> tokens;
  for (const auto& group : rollouts) {
    tokens.emplace_back();
    for (const Rollout& rollout : group) tokens.back().push_back(rollout.tokens.at(0));
  }
  EXPECT_EQ(tokens, (std::vector<std::vector<int>>{{100, 101}, {200}, {304, 305, 306}}));
  EXPECT_EQ(rollouts[2][1].sample, 5);
  EXPECT_TRUE(engine.sample({}, 1, {}, {}).empty());
}

TEST(Engine, SampleNoticesLostRollouts) {
  BackwardEngine engine(true);
  EXPECT_THROW(engine.sample({}, 1, {}, three_requests()), Error);
}

TEST(Reward, GradesAndRecords) {
  const auto tokenizer = make_word_tokenizer({"<end>", "3", "14", "5"}, "<end>");
  Prompt prompt;
  prompt.problem.id = "p1";
  prompt.problem.statement = "How many?";
  prompt.problem.answer = "14";
  prompt.problem.guidance = Guidance{.text = "3"};
  const auto graded = [&](FinishReason finish) {
    Rollout rollout{.tag = 9, .sample = 2, .tokens = {3, 2, 0}, .finish = finish, .policy_version = 11};
    return grade(std::move(rollout), prompt, *tokenizer, *make_verifier({}));
  };
  const GradedRollout stopped = graded(FinishReason::stop);
  EXPECT_EQ(stopped.completion, "5 14");  // the end token is left out
  EXPECT_EQ(stopped.reward(), 1.0);
  EXPECT_EQ(
      dump(record(stopped, prompt, "hard")),
      R"({"problem_id":"p1","set":"hard","guided":true,"sample":2,"problem":"How many?","guidance":"3",)"
      R"("answer":"14","completion":"5 14","tokens":3,"finish":"stop","correct":true,"ungraded":false,)"
      R"("extracted":"14","reason":"equal: exact values","policy_version":11,"policy_version_last":11})");
  // Cut off: no reward, although the answer stands there.
  const GradedRollout cut = graded(FinishReason::length);
  EXPECT_EQ(cut.reward(), 0.0);
  EXPECT_EQ(cut.verdict.extracted, "14");
  EXPECT_EQ(cut.verdict.reason, "truncated after a correct answer");
  prompt.problem.guidance.reset();
  const Json unguided = record(graded(FinishReason::stop), prompt, "hard");
  EXPECT_TRUE(unguided["guidance"].is_null());
  EXPECT_EQ(unguided["guided"], false);
}

// Whatever the verifier would say, a truncated rollout fails: it is not one that could not be judged.
TEST(Reward, ATruncatedRolloutIsNotUngraded) {
  class Unable : public Verifier {
   public:
    Verdict verify(const Problem&, std::string_view) const override { return {.ungraded = true}; }
  };
  const auto tokenizer = make_word_tokenizer({"<end>", "5"}, "<end>");
  const auto ungraded = [&](FinishReason finish) {
    return grade(Rollout{.tokens = {1}, .finish = finish}, {}, *tokenizer, Unable()).ungraded();
  };
  EXPECT_TRUE(ungraded(FinishReason::stop));
  EXPECT_FALSE(ungraded(FinishReason::length));
}

// The chat template opens the block, the completion ends inside it: no answer, although one is named.
TEST(Reward, AnUnfinishedThoughtIsNoAnswer) {
  const auto tokenizer = make_word_tokenizer({"<end>", "<think>", "</think>", "14", "5"}, "<end>");
  const auto verdict = [&](std::vector<int> ids, std::vector<int> tokens) {
    Prompt prompt;
    prompt.problem.answer = "14";
    prompt.sample = std::move(ids);
    return grade(Rollout{.tokens = std::move(tokens)}, prompt, *tokenizer, *make_verifier({}));
  };
  const GradedRollout thought = verdict({5, 4, 1}, {3, 0});
  EXPECT_EQ(thought.completion, "14");
  EXPECT_FALSE(thought.verdict.correct);
  EXPECT_EQ(thought.verdict.extracted, "");
  EXPECT_TRUE(verdict({5, 4, 1}, {4, 2, 3, 0}).verdict.correct);  // the thought is closed
  EXPECT_TRUE(verdict({4, 1, 2}, {3, 0}).verdict.correct);        // an empty block (enable_thinking false)
  EXPECT_TRUE(verdict({}, {3, 0}).verdict.correct);
}

}  // namespace
}  // namespace pope
