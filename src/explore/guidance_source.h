// Where guidance comes from. A source proposes guidance for a problem in the order in which the search
// (guide.h) tries it. A new source is one file and one line in the table in guidance_source.cpp; its name is
// guide.kind and Guidance::kind.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/rng.h"
#include "data/problem.h"

namespace pope {

struct GuideConfig {
  static constexpr auto kSection = "guide";
  std::string kind = "oracle_prefix";  // the source; self_prefix: solutions are the model's own
  int samples = 8;                     // rollouts under each guidance that is tried
  double min_rate = 0;                 // guidance works when this part of them is correct, at least one
  // Of prefixes of a solution:
  int grid = 8;                // prefixes tried: about 1/grid, 2/grid, … of the solution
  double max_fraction = 0.75;  // no prefix is longer than this part of the solution
  double fallback_fraction = 0.25;
  std::string boundary = "auto";    // step boundaries: auto | line | word
  std::string choose = "shortest";  // shortest | random (a random grid prefix, not sampled; an ablation)
  double fixed_fraction = 0;        // > 0: no search, the prefix nearest to this part of the solution
  double min_fraction = 0;          // no prefix is shorter than this part of the solution (but the fallback)
  int per_problem = 1;              // choose = random: so many prefixes, each a problem "ID#1", "ID#2", …
  void fields(Options& options);
  void check_together() const;
};

// Whether guidance may be given: it does not state the answer, and leaves room for a completion.
using Usable = std::function<bool(const Guidance&)>;

struct GuidanceSource {
  // Usable guidance with kind, text and fraction, in the order in which it is to be tried.
  std::vector<Guidance> (*candidates)(const Problem& problem, const GuideConfig& config, RngStream random,
                                      const Usable& usable);
  // What a problem gets when no candidate works; nothing: none. Null: never any.
  std::optional<Guidance> (*fallback)(const Problem& problem, const GuideConfig& config, RngStream random,
                                      const Usable& usable) = nullptr;
  bool needs_solution = true;  // problems without one are left out, and counted
  // Whether candidates are given as they are, without a search.
  bool (*unsampled)(const GuideConfig& config) = nullptr;
};

// By name. A program of your own may add to it before it is used.
std::map<std::string, GuidanceSource>& guidance_sources();
// Error: unknown kind (lists the known).
const GuidanceSource& guidance_source(const std::string& kind);

// oracle_prefix and self_prefix: prefixes of the problem's solution (Sec. 4, arXiv:2601.18779).
extern const GuidanceSource solution_prefix;

}  // namespace pope
