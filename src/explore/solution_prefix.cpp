// Prefixes of a solution as guidance: the shortest on a coarse uniform grid that works; if none, a random one
// shorter than a quarter of the solution (Sec. 4, arXiv:2601.18779).
#include "explore/solution_prefix.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/chars.h"
#include "text/steps.h"

namespace pope {
std::vector<Prefix> step_prefixes(const Problem& problem, const std::string& boundary) {
  const std::string_view solution = problem.solution;
  const std::size_t whole = trim_end(solution).size();
  std::vector<Prefix> prefixes;
  for (const std::size_t end : step_ends(solution, boundary)) {
    const std::string_view text = trim_end(solution.substr(0, end));
    if (text.size() >= whole) break;
    if (text.empty() || (!prefixes.empty() && prefixes.back().text.size() == text.size())) continue;
    prefixes.push_back({std::string(text), static_cast<double>(text.size()) / solution.size()});
  }
  return prefixes;
}

std::vector<Prefix> grid_prefixes(const Problem& problem, const GuideConfig& config) {
  constexpr double kRounding = 1e-9;
  const std::vector<Prefix> cuts = step_prefixes(problem, config.boundary);
  std::vector<Prefix> prefixes;
  std::size_t used = 0;  // cuts before this one are taken or passed
  for (int i = 1; i <= config.grid && !cuts.empty(); ++i) {
    const double point = static_cast<double>(i) / config.grid;
    if (point > config.max_fraction + kRounding) break;
    std::size_t cut = 0;
    while (cut + 1 < cuts.size() && cuts[cut + 1].fraction <= point + kRounding) ++cut;
    if (cut < used || cuts[cut].fraction > config.max_fraction + kRounding) continue;
    used = cut + 1;
    prefixes.push_back(cuts[cut]);
  }
  return prefixes;
}

namespace {

Guidance guidance_of(const GuideConfig& config, const Prefix& prefix) {
  Guidance guidance;
  guidance.kind = config.kind;
  guidance.text = prefix.text;
  guidance.fraction = prefix.fraction;
  return guidance;
}

// The usable prefix nearest to config.fixed_fraction.
std::vector<Guidance> fixed_prefix(const Problem& problem, const GuideConfig& config, const Usable& usable) {
  std::vector<Guidance> best;
  const auto distance = [&](double fraction) { return std::abs(fraction - config.fixed_fraction); };
  for (const Prefix& prefix : step_prefixes(problem, config.boundary)) {
    if (prefix.fraction > config.max_fraction) continue;
    Guidance guidance = guidance_of(config, prefix);
    if (!usable(guidance)) continue;
    if (best.empty() || distance(prefix.fraction) < distance(best[0].fraction)) best = {std::move(guidance)};
  }
  return best;
}

// config.per_problem of them, each time one of those that are left; shortest first.
std::vector<Guidance> drawn(std::vector<Guidance> guidance, int per_problem, RngStream& random) {
  while (std::cmp_greater(guidance.size(), per_problem)) {
    // One to take where one is wanted, else one to leave out.
    const auto at = guidance.begin() + static_cast<std::ptrdiff_t>(random.below(guidance.size()));
    if (per_problem == 1) return {*at};
    guidance.erase(at);
  }
  return guidance;
}

std::vector<Guidance> candidates(const Problem& problem, const GuideConfig& config, RngStream random,
                                 const Usable& usable) {
  if (config.fixed_fraction > 0) return fixed_prefix(problem, config, usable);
  std::vector<Guidance> found;
  for (const Prefix& prefix : grid_prefixes(problem, config)) {
    Guidance guidance = guidance_of(config, prefix);
    if (prefix.fraction >= config.min_fraction && usable(guidance)) found.push_back(std::move(guidance));
  }
  if (config.choose == "random" && !found.empty()) return drawn(std::move(found), config.per_problem, random);
  return found;
}

// Where the first step is longer than fallback_fraction, the longest such prefix that ends at a word: cut
// inside a step, but never longer than the paper's quarter.
std::optional<Guidance> fallback(const Problem& problem, const GuideConfig& config, RngStream random,
                                 const Usable& usable) {
  const auto short_ones = [&](const std::string& boundary) {
    std::vector<Guidance> found;
    for (const Prefix& prefix : step_prefixes(problem, boundary)) {
      if (prefix.fraction < config.fallback_fraction) found.push_back(guidance_of(config, prefix));
    }
    return found;
  };
  std::vector<Guidance> steps = short_ones(config.boundary);
  while (!steps.empty()) {
    const auto at = steps.begin() + static_cast<std::ptrdiff_t>(random.below(steps.size()));
    if (usable(*at)) return *at;
    steps.erase(at);
  }
  const std::vector<Guidance> words = short_ones("word");
  const auto longest = std::find_if(words.rbegin(), words.rend(), usable);
  if (longest == words.rend()) return std::nullopt;
  return *longest;
}

bool unsampled(const GuideConfig& config) { return config.fixed_fraction > 0 || config.choose == "random"; }

}  // namespace

const GuidanceSource solution_prefix{candidates, fallback, /*needs_solution=*/true, unsampled};

}  // namespace pope
