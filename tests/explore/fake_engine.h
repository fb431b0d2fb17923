// A scripted engine and verifier for tests of mining, guiding and evaluation. Text is bytes; a completion is
// "right" or "wrong" and filler up to a scripted length. The engine decodes up to batch_size rollouts at
// once, one token each per tick, so that rollouts finish in an order that depends on their lengths and on the
// batch.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "explore/mine.h"
#include "rollout/text_engine.h"

namespace pope::testing {

// Correct is what begins with "right"; an answer is stated where the text contains it. Remembers what it was
// given.
class FakeVerifier : public Verifier {
 public:
  Verdict verify(const Problem& problem, std::string_view completion) const override {
    instructions.push_back(problem.guidance ? problem.guidance->instruction : "unguided");
    Verdict verdict{completion.starts_with("right"), std::string(completion.substr(0, 5)), "scripted"};
    verdict.failed = fails;
    verdict.ungraded = fails || completion.size() < ungraded_below;
    verdict.correct = verdict.correct && !verdict.ungraded;
    return verdict;
  }
  bool states_answer(const Problem& problem, std::string_view text) const override {
    return text.find(problem.answer) != std::string_view::npos;
  }
  std::size_t ungraded_below = 0;  // shorter completions cannot be judged
  bool fails = false;              // gives no verdict, so that what is sampled is held until the end
  mutable std::vector<std::string> instructions;
};

struct Outcome {
  bool correct = false;
  int tokens = 5;  // at least 5
  bool truncated = false;
};

class FakeEngine : public Engine {
 public:
  // What sample `sample` of a prompt gives.
  using Script = std::function<Outcome(const std::string& prompt, int sample)>;
  explicit FakeEngine(Script script) : script_(std::move(script)) {}

  void run(const SamplingConfig& sampling, std::uint64_t, std::span<const int>, const NextRequest& next,
           const OnRollout& done, const ContinueSampling&) override {
    std::deque<Running> queue;
    std::vector<Running> batch;
    const std::size_t slots = sampling.batch_size;
    while (true) {
      while (batch.size() + queue.size() < slots) {
        std::optional<Request> request = next();
        if (!request) break;
        asked.push_back(*request);
        for (int i = 0; i < request->samples; ++i)
          queue.push_back(start(*request, request->first_sample + i));
      }
      while (batch.size() < slots && !queue.empty()) {
        batch.push_back(std::move(queue.front()));
        queue.pop_front();
      }
      if (batch.empty()) return;
      batch_sizes.push_back(batch.size());
      finish_shortest(batch, done);
    }
  }
  EngineStats stats() const override { return {}; }
  std::int64_t context() const override { return longest; }

  std::int64_t longest = 1 << 20;
  std::vector<Request> asked;
  std::vector<std::size_t> batch_sizes;  // rollouts in flight between finishes
  int finished = 0;                      // rollouts given back

 private:
  struct Running {
    Rollout rollout;
    int left = 0;
  };

  Running start(const Request& request, int sample) const {
    const Outcome outcome = script_(std::string(request.prompt.begin(), request.prompt.end()), sample);
    std::string text = outcome.correct ? "right" : "wrong";
    text.resize(std::max(outcome.tokens, 5), '.');
    Running running;
    running.left = static_cast<int>(text.size());
    running.rollout.tag = request.tag;
    running.rollout.sample = sample;
    running.rollout.tokens.assign(text.begin(), text.end());
    running.rollout.finish = outcome.truncated ? FinishReason::length : FinishReason::stop;
    return running;
  }

  void finish_shortest(std::vector<Running>& batch, const OnRollout& done) {
    const auto first = std::min_element(batch.begin(), batch.end(),
                                        [](const Running& a, const Running& b) { return a.left < b.left; });
    const int ticks = first->left;
    for (Running& running : batch) running.left -= ticks;
    Rollout rollout = std::move(first->rollout);
    batch.erase(first);
    ++finished;
    done(std::move(rollout));
  }

  Script script_;
};

// Everything that a RolloutContext refers to. Prompts read "U[statement]", "D[statement|guidance]" or,
// silent, "S[statement|guidance]", plus what the plain chat template adds.
struct FakeWorld {
  explicit FakeWorld(FakeEngine::Script script, int batch_size = 32,
                     const std::string& instruction = "default")
      : engine(std::move(script)),
        prompts(wording(instruction), std::make_shared<fake::BytesTokenizer>()),
        context{engine, prompts, verifier, {}, {}, 7} {
    context.sampling.batch_size = batch_size;
  }
  FakeWorld(const FakeWorld&) = delete;
  FakeWorld& operator=(const FakeWorld&) = delete;

  static PromptConfig wording(const std::string& instruction) {
    PromptConfig config;
    config.instruction = instruction;
    config.chat_template = "plain";
    config.system = "";
    config.unguided = "U[{problem}]";
    config.guided = "D[{problem}|{guidance}]";
    config.guided_silent = "S[{problem}|{guidance}]";
    return config;
  }

  FakeEngine engine;
  PromptRenderer prompts;
  FakeVerifier verifier;
  RolloutContext context;
};

inline std::string prompt_text(const Request& request) {
  return {request.prompt.begin(), request.prompt.end()};
}

inline Problem problem(const std::string& id, const std::string& solution = "") {
  Problem result;
  result.id = id;
  result.statement = "<" + id + ">";
  result.answer = "ANSWER";
  result.solution = solution;
  return result;
}

}  // namespace pope::testing
