// What mining, guiding and evaluation share: how a problem is posed, how its random streams are named, how a
// rollout is graded, and which rollouts are kept for reading.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/problem.h"
#include "rollout/engine.h"
#include "rollout/record.h"
#include "text/prompt.h"
#include "verify/verifier.h"

namespace pope {

// What every exploring function needs: who samples, how prompts are made, who grades.
struct Explorer {
  Engine& engine;
  const PromptRenderer& prompts;
  const Verifier& verifier;
  SamplingConfig sampling;
  std::vector<int> stop_tokens;
  std::uint64_t seed = 1;
  std::string instruction = "default";  // of guidance that names none: PromptConfig::instruction
  GoOn go_on = [] { return true; };     // asked between decode steps (Engine::run_while)
  bool grade_in_turn = false;           // on the sampling thread, whatever Verifier::parallel() says
};

// The stream of a request: a function of purpose, problem and variant (which prefix, guided or not) alone.
std::uint64_t stream_of(std::string_view purpose, std::string_view problem_id, std::uint64_t variant = 0);

// The prompt of a problem as as_prompted() returns it.
std::vector<int> prompt_of(const Problem& problem, const Explorer& explorer);

// The problems whose prompt (also without its guidance) leaves room for max_new_tokens in the engine's
// context, as they would be prompted; the others are named on stderr, and counted in `too_long` when given.
std::vector<Problem> fitting(std::vector<Problem> problems, const Explorer& explorer,
                             int* too_long = nullptr);
bool fits(const Problem& posed, const Explorer& explorer);

// grade(), where a truncated rollout is never correct.
GradedRollout grade_finished(Rollout&& rollout, const Problem& problem, const Explorer& explorer);

// Runs the engine (Engine::run) and grades every rollout as it finishes: on this thread between two decode
// steps, or, for verifiers that take their time (Verifier::parallel()), on threads of their own while
// sampling goes on. `posed(tag)` is the problem as prompted, which must stay until its rollouts have arrived;
// `arrive` comes on the calling thread. Returns the seconds that this thread spent grading or waiting for
// graders.
double sample_and_grade(const Explorer& explorer, const NextRequest& next,
                        const std::function<const Problem&(std::size_t tag)>& posed,
                        const std::function<void(GradedRollout&&)>& arrive);

// The records of one problem to keep for reading: of the samples with the smallest numbers, up to half of
// them correct (more when failures are few), correct ones first. Does not depend on the order of arrival.
class KeptRecords {
 public:
  explicit KeptRecords(int limit) : limit_(limit) {}
  void add(const GradedRollout& graded, const Problem& problem, const std::string& set, bool guided);
  // Samples numbered `end` and above are left out.
  std::vector<Json> take(int end);

 private:
  struct Kept {
    int sample;
    Json record;
  };
  int limit_;
  std::vector<Kept> correct_, failed_;  // ascending by sample, at most limit_ each
};

}  // namespace pope
