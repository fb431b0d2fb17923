// Mining: which problems are hard for this model. n samples per problem, graded; unbiased pass@k; classes by
// thresholds. Adaptive: a problem leaves as soon as its class can no longer change, whatever the samples not
// yet drawn would give.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/problem.h"
#include "explore/sampling.h"

namespace pope {

struct MineConfig {
  static constexpr auto kSection = "mine";
  int samples = 128;                          // n, the most samples per problem
  int chunk = 8;                              // samples asked for at once, per problem
  bool adaptive = true;                       // false: always n samples
  int hard_max = 0;                           // hard: at most this many correct of n
  double easier_min = 0.45, easy_min = 0.15;  // success rates: easier ≥ easier_min > easy ≥ easy_min > medium
  double easier_max = 0.8;                    // above it a problem is "solved"
  std::vector<int> pass_at = {1, 8, 32};      // k of the reported pass@k
  double heldout = 0;  // fraction of the hard set put aside as heldout.jsonl, chosen by hash of the id
  void fields(Options& options);
  void check_together() const;
};

// hard | medium | easy | easier | solved, by c correct of n (n = all samples).
std::string difficulty_class(const MineConfig& config, int n, int c);
// True when no outcome of the n − drawn samples left can change the class. (Pure; tested by brute force.)
bool class_is_settled(const MineConfig& config, int drawn, int correct);

// pass@k of one problem, unbiased under mining's own stopping rule. A problem that leaves early does so
// because of its outcomes, which biases c/n and with it the usual estimator. Instead (Girshick, Mosteller &
// Savage 1946): of all sample sequences that stop where this one did, the part that starts with k failures
// estimates (1 − p)^k. Without early stopping this equals pass_at_k(n, c, k). nullopt: k > n, or k
// all-failing samples are never drawn.
std::optional<double> mined_pass_at_k(const MineConfig& config, int drawn, int correct, int k);

// True for the problems that `heldout` puts aside: a function of the id alone.
bool put_aside(const MineConfig& config, const Problem& problem);

struct MinedProblem {
  Problem problem;
  // Of the chunks up to the one that settled the class: what was sampled ahead to keep the engine busy is
  // left out, so that these numbers do not depend on scheduling. A truncated rollout counts as a failure.
  int samples = 0, correct = 0, truncated = 0;
  int undecided = 0;  // rollouts that the verifier could not judge; they count as failures
  std::int64_t tokens = 0;
  std::string difficulty;
  // "hard", but every failure was truncated (a larger budget may solve it), or could not be judged or was
  // truncated: neither says that the problem is hard.
  bool fails_only_by_truncation = false, fails_only_undecided = false;
};

struct MiningResult {
  std::vector<MinedProblem> problems;  // in the order given
  std::int64_t tokens = 0;             // sampled, those sampled ahead included
  double tokens_fixed = 0;             // estimate for n samples each: per problem, mean length × n
};

// `done`: problems finished before (resume): they are not sampled again. `on_finished(problem, records)` is
// called as each problem finishes, so that the caller can save it; at most 4 records, correct ones first.
MiningResult mine(const Explorer& explorer, const MineConfig& config, const std::vector<Problem>& problems,
                  const std::vector<MinedProblem>& done,
                  const std::function<void(const MinedProblem&, const std::vector<Json>&)>& on_finished);

// {"problems", "samples", "classes": {"hard": …, …}, "truncated", "fails_only_by_truncation", "undecided",
//  "fails_only_undecided", "tokens", "tokens_fixed"}: the summary that a mining run leaves and the report
//  shows.
Json to_json(const MiningResult& result);

}  // namespace pope
