// Mining: which problems are hard for this model. n samples per problem, graded; unbiased pass@k; classes by
// thresholds. Adaptive: a problem leaves as soon as its class can no longer change, whatever the samples not
// yet drawn would give; or, with mine.error, is unlikely enough to change.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "explore/difficulty.h"
#include "explore/sampling.h"

namespace pope {

struct MinedProblem {
  Problem problem;
  // Of the chunks up to the one that settled the class: what was sampled ahead to keep the engine busy is
  // left out, so that these numbers do not depend on scheduling. A truncated rollout counts as a failure.
  int samples = 0, correct = 0, truncated = 0;
  int ungraded = 0;  // rollouts that the verifier could not judge; they count as failures
  std::int64_t tokens = 0;
  // A class of difficulty_class(); or, where that would be "hard" but no failure says so, "truncated" (every
  // failure was truncated: a larger budget may solve it) or "ungraded" (every other one could not be judged);
  // of the samples drawn.
  std::string difficulty;
};

struct MiningResult {
  std::vector<MinedProblem> problems;  // in the order given
  std::int64_t tokens = 0;             // sampled, those sampled ahead included
  double tokens_fixed = 0;             // rough, for n samples each: per problem, mean length × n
};

// `done`: problems finished before (resume): they are not sampled again. `on_finished(problem, records)` is
// called as each problem finishes, so that the caller can save it; at most 4 records, correct ones first.
MiningResult mine(const RolloutContext& context, const MineConfig& config,
                  const std::vector<Problem>& problems, const std::vector<MinedProblem>& done,
                  const std::function<void(const MinedProblem&, const std::vector<Json>&)>& on_finished);

// {"problems", "samples", "classes": {"hard": …, …}, "truncated", "ungraded", "tokens", "tokens_fixed"}: the
// summary that a mining run leaves and the report shows. "truncated" and "ungraded" count rollouts, those in
// "classes" problems.
Json to_json(const MiningResult& result);

}  // namespace pope
