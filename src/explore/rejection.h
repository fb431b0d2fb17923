// Rejection sampling: the model's own correct traces, as a training set. A trace is what stands after the
// problem: a completion, or, of a rollout under guidance, the guidance and the completion that goes on from
// it. From these sets: rejection-sampled SFT (Sec. 6, App. C, arXiv:2601.18779: prefix, then a correct
// completion), STaR (arXiv:2203.14465: guidance only where the model fails without), and prefixes of own
// traces as guidance (pope guide with guide.kind=self_prefix).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/problem.h"
#include "explore/sampling.h"

namespace pope {

struct CollectConfig {
  static constexpr auto kSection = "collect";
  int samples = 32;               // rollouts per problem (and prompt, for star)
  int keep = 1;                   // correct traces kept per problem, different ones
  std::string prompt = "guided";  // guided | unguided | star: guided where no unguided rollout is correct
  std::string trace = "joined";   // of a guided rollout: joined (guidance, completion) | completion
  void fields(Options& options);
};

// What one problem gave.
struct CollectedProblem {
  Problem problem;  // as given
  int samples = 0, correct = 0;
  int ungraded = 0;                 // rollouts that the verifier could not judge, of both prompts
  bool guided = false;              // the traces are from rollouts under guidance
  std::vector<std::string> traces;  // correct ones, different, by sample number
};

struct CollectResult {
  std::vector<CollectedProblem> problems;  // in the order given
  int unguided = 0, guided = 0;            // problems with a trace, by prompt
  int without_guidance = 0;                // that needed one to be sampled
  int ungraded = 0;                        // rollouts that could not be judged; they count as failures
};

// Guidance and completion as one text: a space between them unless one of them brings white space there, or
// the completion begins with punctuation.
std::string join_trace(std::string_view guidance, std::string_view completion);

// `done`, `on_finished`: as in mine().
CollectResult collect(
    const RolloutContext& context, const CollectConfig& config, const std::vector<Problem>& problems,
    const std::vector<CollectedProblem>& done,
    const std::function<void(const CollectedProblem&, const std::vector<Json>&)>& on_finished);

// The training set: a problem per trace, which is its solution; no guidance, so that the trace is learned
// from the problem alone. The oracle solution moves to the field "oracle_solution". Ids "ID#1", "ID#2", …
// where keep > 1.
std::vector<Problem> trace_problems(const CollectConfig& config, const CollectResult& result);

Json to_json(const CollectResult& result);

}  // namespace pope
