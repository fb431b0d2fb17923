// The sampling loop that mining, guiding, collecting, evaluating and training share: work in, graded groups
// of rollouts out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/interrupt.h"
#include "data/prompt.h"
#include "explore/truncation_watch.h"
#include "rollout/engine.h"
#include "rollout/reward.h"
#include "text/prompt.h"
#include "verify/grader_watch.h"
#include "verify/verifier.h"

namespace pope {

// Throws Interrupted where a stop was requested.
inline const ContinueSampling kUntilInterrupted = [] {
  stop_if_interrupted();
  return true;
};

// Who samples, how prompts are made, who grades.
struct RolloutContext {
  Engine& engine;
  const PromptRenderer& prompts;
  const Verifier& verifier;
  SamplingConfig sampling;
  std::vector<int> stop_tokens;
  std::uint64_t seed = 1;
  ContinueSampling go_on = kUntilInterrupted;  // asked between decode steps (Engine::run)
  bool grade_in_turn = false;                  // on the sampling thread, whatever Verifier::parallel() says
  // Of the whole run: contexts of one run share them.
  std::shared_ptr<TruncationWatch> truncation = std::make_shared<TruncationWatch>();
  std::shared_ptr<GraderWatch> graders = std::make_shared<GraderWatch>();
};

// Samples first_sample … first_sample + samples − 1 of a prompt.
struct Work {
  std::size_t tag = 0;  // the caller's
  std::shared_ptr<const Prompt> prompt;
  std::uint64_t rng_key = 0;  // Request::rng_key
  int samples = 1, first_sample = 0;
};

// A piece of work that is done: its rollouts, in sample order.
struct Sampled {
  std::size_t tag = 0;
  std::shared_ptr<const Prompt> prompt;
  std::vector<GradedRollout> rollouts;
};

// The next piece of work, or nothing when there is none now. Asked again after each finished rollout.
using NextWork = std::function<std::optional<Work>()>;
using OnSampled = std::function<void(Sampled&&)>;
using OnGraded = std::function<void(std::size_t tag, const GradedRollout&)>;

// Samples and grades until there is no work left. Grading happens on this thread between two decode steps or,
// for verifiers that take their time (Verifier::parallel()), on threads of their own while sampling goes on.
// What context.truncation and context.graders say goes to stderr. Callbacks come on the calling thread:
// `on_graded` after each rollout, `done` after the last of a piece of work. While the grader is in doubt,
// `done` waits for its next verdict, or until nothing else is left to grade: so what a dead grader did not
// judge is lost with the Error, and not kept as failures. Returns the seconds that this thread spent grading
// or waiting for graders. When context.go_on stops it, unfinished work is lost; so is what graders of the
// user's own work at when a stop is requested: Interrupted. Error: the engine lost a rollout or gave one
// twice, or the grader is gone (GraderWatch).
double sample_and_grade(const RolloutContext& context, const NextWork& next, const OnSampled& done,
                        const OnGraded& on_graded = {});

// The key of a problem's random streams: a function of purpose, problem and variant (which prefix, guided or
// not) alone.
std::uint64_t rng_key_of(std::string_view purpose, std::string_view problem_id, std::uint64_t variant = 0);

// make_prompt() with the context's renderer.
std::shared_ptr<const Prompt> prompt_for(const RolloutContext& context, const Problem& problem,
                                         bool show_guidance);

// Whether the prompt leaves room for max_new_tokens in the engine's context.
bool fits(const Prompt& prompt, const RolloutContext& context);
// The problems whose prompts fit, with and without their guidance; the others are named on stderr, and
// counted in `too_long` when given. Error: none fits.
std::vector<Problem> within_context(std::vector<Problem> problems, const RolloutContext& context,
                                    int* too_long = nullptr);

}  // namespace pope
