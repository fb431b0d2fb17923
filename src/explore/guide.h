// Prefix search (Sec. 4, arXiv:2601.18779): per problem the shortest prefix of the oracle solution, on a
// coarse uniform grid cut at step boundaries, under which the base model succeeds at least once; if none, a
// random prefix shorter than a quarter of the solution, cut at any step (at a word where the first step is
// longer). No prefix states the reference answer (leak guard), and each leaves room for the completion.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/problem.h"
#include "explore/mine.h"

namespace pope {

struct GuideConfig {
  static constexpr auto kSection = "guide";
  int grid = 8;                // prefixes tried: about 1/grid, 2/grid, … of the solution
  int samples = 8;             // rollouts per prefix
  double max_fraction = 0.75;  // no prefix is longer than this part of the solution
  double fallback_fraction = 0.25;
  std::string boundary = "auto";    // step boundaries: auto | line | word
  std::string choose = "shortest";  // shortest | random (a random grid prefix, not sampled; an ablation)
  double fixed_fraction = 0;        // > 0: no search, the prefix nearest to this part of the solution
  double min_fraction = 0;          // no prefix is shorter than this part of the solution (but the fallback)
  double min_rate = 0;              // a prefix works when this part of its rollouts is correct, at least one
  int per_problem = 1;              // choose = random: so many prefixes, each a problem "ID#1", "ID#2", …
  std::string kind = "oracle_prefix";  // whose solution it is: self_prefix where it is the model's own
  void fields(Options& options);
  void check_together() const;
};

struct Prefix {
  std::string text;     // without trailing whitespace
  double fraction = 0;  // of the solution, in bytes
};

// The candidates, shortest first, without duplicates: grid points moved to the nearest step end at or before
// them (or the first step end), leaking ones dropped (their number is added to *leaks). Empty when the
// solution has a single step or leaks at once.
std::vector<Prefix> candidate_prefixes(const Problem& problem, const GuideConfig& config,
                                       const Verifier& verifier, int* leaks = nullptr);

struct GuideResult {
  std::vector<Problem> problems;  // those that got guidance, in the order given
  int without_solution = 0;       // skipped and counted
  int without_prefix = 0;   // no prefix possible (one step only, too long, or it leaks): skipped and counted
  int found = 0;            // a prefix was found under which the model succeeds
  int fallback = 0;         // no prefix worked: random short prefix
  int unsampled = 0;        // guidance without search (choose = random, fixed_fraction)
  int undecided = 0;        // rollouts that the verifier could not judge; they count as failures
  int leaks_prevented = 0;  // candidate prefixes dropped by the leak guard
  std::int64_t tokens = 0;  // sampled by this call
};

// `done`, `on_finished`: as in mine(). Longer prefixes of a problem are tried only when all shorter ones
// failed. on_finished gets nullopt guidance for skipped problems. Guidance that the search did not sample
// (choose = random, fixed_fraction) has samples = 0.
GuideResult guide(const Explorer& explorer, const GuideConfig& config, const std::vector<Problem>& problems,
                  const std::vector<Problem>& done,
                  const std::function<void(const Problem&, const std::vector<Json>&)>& on_finished);

// {"guided", "found", "fallback", "unsampled", "undecided", "without_solution", "without_prefix",
// "leaks_prevented", "tokens", "fractions": […]}: the summary that a guiding run leaves and the report shows.
Json to_json(const GuideResult& result);

}  // namespace pope
