// The pure part of guiding: which prefixes of an oracle solution are candidates.
#include "explore/prefixes.h"

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
