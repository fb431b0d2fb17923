// Evaluation: n samples per problem, graded; unbiased pass@k with bootstrap intervals over problems; guided
// and unguided apart.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/statistics.h"
#include "evaluate/overlap.h"
#include "explore/sampling.h"

namespace pope {

struct EvalConfig {
  static constexpr auto kSection = "eval";
  int samples = 64;
  int problems = 0;  // of each set only the first so many; 0 = all
  std::vector<int> pass_at = {1, 8, 32};
  double level = 0.95;  // of the intervals
  int resamples = 2000;
  bool guided = true;     // also evaluate under guidance those problems that carry it
  int keep_rollouts = 8;  // rollouts per problem kept for reading
  bool overlap = false;   // also measure how much of its guidance a problem's rollouts re-use
  OverlapConfig overlap_of;
  void fields(Options& options);
  void check_together() const;
};

// A problem set to evaluate on: unguided, and guided where problems carry guidance.
struct EvalSet {
  std::string name;  // of its metrics and tables
  std::vector<Problem> problems;
};

struct PassAtK {
  int k = 0;
  Interval interval;
};

// The samples of one problem.
struct EvaluatedProblem {
  std::string id;
  int correct = 0, truncated = 0, ungraded = 0;
  std::int64_t tokens = 0;
  // EvalConfig::overlap: summed over the samples; `chance` is the overlap with another problem's guidance.
  Overlap overlap, chance;
};

struct SetResult {
  std::string set;
  bool guided = false;
  int samples = 0;                         // per problem
  std::vector<EvaluatedProblem> problems;  // in the order given
  std::vector<PassAtK> pass;               // for those k of EvalConfig::pass_at that are at most `samples`
  double level = 0;                        // of the intervals
  double truncated = 0, ungraded = 0;      // fractions of rollouts; they count as failures
  double mean_tokens = 0;
  bool overlap = false;  // measured: of problems that carry guidance, at least two of them
};

// Called as each problem finishes, so that the caller can save it: at most keep_rollouts records, correct
// ones first.
using OnEvaluated = std::function<void(const EvaluatedProblem&, const std::vector<Json>& records)>;

// Samples and grades. `guided`: under their guidance, those problems that carry it; else all, without it.
// `done`: problems finished before (resume): they are not sampled again. No problem to evaluate: no problems,
// no pass.
SetResult evaluate_set(const RolloutContext& context, const EvalConfig& config, const std::string& set,
                       const std::vector<Problem>& problems, bool guided,
                       const std::vector<EvaluatedProblem>& done = {}, const OnEvaluated& on_finished = {});

bool has_guidance(const std::vector<Problem>& problems);

// Of EvaluatedProblem, for runs that go on later.
Json to_json(const EvaluatedProblem& problem);
EvaluatedProblem evaluated_problem(const Json& row);

Json to_json(const SetResult& result);

}  // namespace pope
