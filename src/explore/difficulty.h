// The pure part of mining: which class a problem belongs to, when that is settled, and pass@k under early
// stopping.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/options.h"

namespace pope {

struct MineConfig {
  static constexpr auto kSection = "mine";
  int samples = 128;                          // n, the most samples per problem
  int chunk = 8;                              // samples asked for at once, per problem
  bool adaptive = true;                       // false: always n samples
  double error = 0;                           // adaptive: the chance of a wrong class that is allowed
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
// When a problem leaves mining, and what its samples say then. Pure; tested by brute force.
class StoppingRule {
 public:
  explicit StoppingRule(const MineConfig& config) : config_(config) {}
  const MineConfig& config() const { return config_; }

  // The class that a problem can leave with after `drawn` samples, or nullopt while it stays. With
  // mine.error = 0 that is when no outcome of the n − drawn samples left can change it; n samples always
  // settle it. With an error ε also when another class has a chance of at most ε, for the samples left are
  // Bernoulli with a success rate that is Beta(½, ½) before the first: so over problems whose rates are
  // spread like that, all n samples would have led to another class for a part of at most ε.
  std::optional<std::string> class_at(int drawn, int correct) const;

  // pass@k of one problem, unbiased under mining's own stopping. A problem that leaves early does so because
  // of its outcomes, which biases c/n and with it the usual estimator. Instead (Girshick, Mosteller & Savage
  // 1946): of all sample sequences that stop where this one did, the part that starts with k failures
  // estimates (1 − p)^k. Without early stopping this equals pass_at_k(n, c, k). nullopt: k > n, or k
  // all-failing samples are never drawn.
  std::optional<double> pass_at_k(int drawn, int correct, int k) const;

 private:
  std::optional<std::string> likely_class(int drawn, int correct) const;

  MineConfig config_;
  // What class_at found with an error, a sum over outcomes each, for all problems.
  mutable std::map<std::pair<int, int>, std::optional<std::string>> likely_;
};

// The ids that `heldout` puts aside of those of the hard problems: each by a hash of the id alone, so that it
// stays where it is when problems are added; but never all: one is left to train on.
std::set<std::string> put_aside(const MineConfig& config, const std::vector<std::string>& hard);

}  // namespace pope
