// Evaluation: n samples per problem, graded; unbiased pass@k with bootstrap intervals over problems; guided
// and unguided apart.
#pragma once

#include <string>
#include <vector>

#include "core/statistics.h"
#include "explore/mine.h"

namespace pope {

struct EvalConfig {
  int samples = 64;
  std::vector<int> pass_at = {1, 8, 32};
  double level = 0.95;  // of the intervals
  int resamples = 2000;
  bool guided = true;     // also evaluate under guidance those problems that carry it
  int keep_rollouts = 8;  // rollouts per problem kept for reading
  void fields(Options& options);
};

struct PassAtK {
  int k = 0;
  Interval interval;
};

struct SetResult {
  std::string set;
  bool guided = false;
  int problems = 0, samples = 0;
  std::vector<PassAtK> pass;  // for those k of EvalConfig::pass_at that are at most `samples`
  double level = 0;           // of the intervals
  double truncated = 0;       // fraction of rollouts; they count as failures
  double mean_tokens = 0;
  std::vector<int> correct;      // per problem, of `samples`
  std::vector<std::string> ids;  // per problem
};

// Samples and grades. `guided`: under their guidance, those problems that carry it; else all, without it.
// `records` gets at most keep_rollouts per problem, correct ones first. No problem to evaluate: problems = 0,
// no pass.
SetResult evaluate(const Explorer& explorer, const EvalConfig& config, const std::string& set,
                   const std::vector<Problem>& problems, bool guided, std::vector<Json>* records);

Json to_json(const SetResult& result);

}  // namespace pope
