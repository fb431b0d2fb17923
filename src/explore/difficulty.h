// The pure part of mining: which class a problem belongs to, when that is settled, and pass@k under early
// stopping.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
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

// When a problem leaves mining, and what its samples say then. Tested by brute force. It remembers what it
// has worked out, for all problems: not for several threads.
class StoppingRule {
 public:
  explicit StoppingRule(const MineConfig& config) : config_(config) {}
  const MineConfig& config() const { return config_; }

  // True where a problem leaves with `correct` of its first `drawn` samples: after all n of them, and if
  // adaptive at the end of each chunk that settles its class.
  bool stops(int drawn, int correct) const;

  // The class that is settled then, or nullopt. With mine.error = 0 a class is settled when no outcome of the
  // n − drawn samples left can change it. With an error ε also when the other classes together have a chance
  // of at most ε, if success rates are Beta(½, ½) before the first sample: over problems whose rates are
  // spread like that, all n samples would have given another class for a part of at most ε.
  std::optional<std::string> class_at(int drawn, int correct) const;

  // pass@k of one problem, unbiased under this rule. A problem that leaves early does so because of its
  // outcomes, which biases c/n and with it the usual estimator. Instead (Girshick, Mosteller & Savage 1946):
  // of all sample sequences that stop where this one did, the part that starts with k failures estimates (1 −
  // p)^k. Without early stopping this equals pass_at_k(n, c, k). nullopt: k > n, or k all-failing samples are
  // never drawn. Error where mining cannot stop at `correct` of `drawn`.
  std::optional<double> pass_at_k(int drawn, int correct, int k) const;

 private:
  std::optional<std::string> likely_class(int drawn, int correct) const;
  std::optional<double> part_not_failing(int drawn, int correct, int k) const;

  MineConfig config_;
  mutable std::map<std::pair<int, int>, std::optional<std::string>> likely_;             // drawn, correct
  mutable std::map<std::tuple<int, int, int>, std::optional<double>> part_not_failing_;  // drawn, correct, k
};

// The ids that `heldout` puts aside of those of the hard problems: each by a hash of the id alone, so that it
// stays where it is when problems are added; but never all: one is left to train on.
std::set<std::string> put_aside(const MineConfig& config, const std::vector<std::string>& hard);

}  // namespace pope
