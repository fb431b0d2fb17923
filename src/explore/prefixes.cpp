// The pure part of guiding: its options, and which prefixes of an oracle solution are candidates.
#include "explore/prefixes.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "text/steps.h"

namespace pope {
namespace {

std::string_view without_trailing_space(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

}  // namespace

void GuideConfig::fields(Options& o) {
  o.add("grid", grid, "prefixes tried per problem: about 1/grid, 2/grid, ... of the solution").at_least(1);
  o.add("samples", samples, "rollouts per prefix").at_least(1);
  o.add("max_fraction", max_fraction, "no prefix is longer than this part of the solution")
      .above(0)
      .at_most(1);
  o.add("fallback_fraction", fallback_fraction, "when no prefix works: a random one shorter than this part")
      .above(0)
      .at_most(1);
  o.add("boundary", boundary, "where a prefix may end; auto: at the end of a line or sentence")
      .choices(step_boundaries());
  o.add("choose", choose, "the shortest prefix that works, or a random one of the grid, without search")
      .choices({"shortest", "random"});
  o.add("fixed_fraction", fixed_fraction, "> 0: no search, the prefix nearest to this part of the solution")
      .at_least(0)
      .below(1);
  o.add("min_fraction", min_fraction, "no prefix is shorter than this part of the solution").range(0, 1);
  o.add("min_rate", min_rate, "a prefix works when this part of its rollouts is correct; 0: one of them")
      .range(0, 1);
  o.add("per_problem", per_problem, "choose=random: so many prefixes of a problem, each a problem of its own")
      .at_least(1);
  o.add("kind", kind, "whose solution it is: the given one, or the model's own (self_prefix)")
      .choices({"oracle_prefix", "self_prefix"});
}

void GuideConfig::check_together() const {
  if (min_fraction > max_fraction)
    refuse_setting("guide.min_fraction", fmt::format("at most guide.max_fraction ({})", max_fraction),
                   fmt::to_string(min_fraction));
  if (per_problem > 1 && choose != "random")
    refuse_setting("guide.per_problem", "1 with guide.choose=" + choose, std::to_string(per_problem),
                   "set guide.choose=random for several prefixes of a problem");
}

std::vector<Prefix> step_prefixes(const Problem& problem, const std::string& boundary) {
  const std::string_view solution = problem.solution;
  const std::size_t whole = without_trailing_space(solution).size();
  std::vector<Prefix> prefixes;
  for (const std::size_t end : step_ends(solution, boundary)) {
    const std::string_view text = without_trailing_space(solution.substr(0, end));
    if (text.size() >= whole) break;
    if (text.empty() || (!prefixes.empty() && prefixes.back().text.size() == text.size())) continue;
    prefixes.push_back({std::string(text), static_cast<double>(text.size()) / solution.size()});
  }
  return prefixes;
}

std::vector<Prefix> candidate_prefixes(const Problem& problem, const GuideConfig& config,
                                       const Verifier& verifier, int* leaks) {
  constexpr double kRounding = 1e-9;
  const std::vector<Prefix> cuts = step_prefixes(problem, config.boundary);
  std::vector<Prefix> candidates;
  std::size_t used = 0;  // cuts before this one are tried or passed
  for (int i = 1; i <= config.grid && !cuts.empty(); ++i) {
    const double point = static_cast<double>(i) / config.grid;
    if (point > config.max_fraction + kRounding) break;
    std::size_t cut = 0;
    while (cut + 1 < cuts.size() && cuts[cut + 1].fraction <= point + kRounding) ++cut;
    if (cut < used || cuts[cut].fraction > config.max_fraction + kRounding) continue;
    used = cut + 1;
    if (verifier.states_answer(problem, cuts[cut].text)) {
      if (leaks) ++*leaks;
    } else {
      candidates.push_back(cuts[cut]);
    }
  }
  return candidates;
}

}  // namespace pope
