// Mixtures: how many prompts of each set a step gets, and which.
#include "data/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace pope {
namespace {

// Splits `total` by weight: whole shares first, then one each to the largest remainders. Remainders that
// differ by rounding alone are ties, and ties go to the earlier set.
std::vector<std::int64_t> apportion(const std::vector<double>& weights, int total) {
  constexpr double rounding = 1e-9;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> counts;
  std::vector<double> remainders;
  std::int64_t left = total;
  for (double weight : weights) {
    const double share = total * (weight / sum);
    counts.push_back(static_cast<std::int64_t>(std::floor(share + rounding)));
    remainders.push_back(share - static_cast<double>(counts.back()));
    left -= counts.back();
  }
  for (; left > 0; --left) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < remainders.size(); ++i)
      if (remainders[i] > remainders[best] + rounding) best = i;
    ++counts[best];
    remainders[best] -= 1;
  }
  return counts;
}

// How many of a step's prompts each set gets. Error: none for one of them.
std::vector<std::int64_t> shares(const std::vector<std::string>& names, const std::vector<double>& weights,
                                 int prompts) {
  const std::vector<std::int64_t> counts = apportion(weights, prompts);
  for (std::size_t s = 0; s < counts.size(); ++s) {
    if (counts[s] == 0)
      throw Error(
          "mixture",
          fmt::format("expected prompts for every set, {} prompts a step leave none for mixture.{} = {}",
                      prompts, names[s], weights[s]),
          "raise train.prompts_per_step, or change the weights");
  }
  return counts;
}

}  // namespace

void MixtureConfig::fields(Options& options) {
  options.add("unguided", unguided, "weight of the hard problems as they are").at_least(0);
  options.add("guided", guided, "weight of the same problems with guidance").at_least(0);
  options.add("easy", easy, "weight of the easy set").at_least(0);
  options.add("easy_count", easy_count, "of the easy file the first so many problems; 0: all").at_least(0);
}

void MixtureConfig::check_together() const {
  const double sum = unguided + guided + easy;
  if (!(sum > 0) || !std::isfinite(sum))
    refuse_setting("mixture", "weights with a sum above 0", fmt::to_string(sum));
}

void check_shares(const MixtureConfig& config, int prompts) {
  std::vector<std::string> names;
  std::vector<double> weights;
  for (const auto& [name, weight] :
       {std::pair{"unguided", config.unguided}, {"guided", config.guided}, {"easy", config.easy}}) {
    if (weight == 0) continue;
    names.emplace_back(name);
    weights.push_back(weight);
  }
  shares(names, weights, prompts);
}

Mixture::Mixture(const MixtureConfig& config, const std::vector<Problem>& hard,
                 const std::vector<Problem>& easy, std::uint64_t seed)
    : seed_(seed) {
  check(config);
  struct Source {
    const char* name;
    double weight;
    const std::vector<Problem>& problems;
    bool guided;
  };
  const Source sources[] = {{"unguided", config.unguided, hard, false},
                            {"guided", config.guided, hard, true},
                            {"easy", config.easy, easy, false}};
  for (const Source& source : sources) {
    if (source.weight == 0) continue;
    PromptSet set{source.name, source.guided, {}};
    for (const Problem& problem : source.problems) {
      if (source.guided && !problem.guidance) {
        ++without_guidance_;
        continue;
      }
      set.problems.push_back(problem);
      if (!source.guided) set.problems.back().guidance.reset();
    }
    if (set.problems.empty())
      throw Error("mixture",
                  fmt::format("expected problems for mixture.{} = {}, got none", source.name, source.weight),
                  fmt::format("give them (guided: run `pope guide`), or set mixture.{}=0", source.name));
    sets_.push_back(std::move(set));
    weights_.push_back(source.weight);
  }
}

std::vector<PromptDraw> Mixture::draw(std::int64_t step, int prompts) const {
  if (step < 0 || prompts < 1)
    throw Error("mixture", fmt::format("expected step ≥ 0 and prompts ≥ 1, got {} and {}", step, prompts));
  std::vector<std::string> names;
  for (const PromptSet& set : sets_) names.push_back(set.name);
  const std::vector<std::int64_t> counts = shares(names, weights_, prompts);
  std::vector<PromptDraw> draws;
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    const PromptSet& set = sets_[s];
    const auto size = static_cast<std::int64_t>(set.problems.size());
    std::int64_t epoch = -1;
    std::vector<std::size_t> order;
    for (std::int64_t position = step * counts[s]; position < (step + 1) * counts[s]; ++position) {
      if (position / size != epoch) {
        epoch = position / size;
        order = RngStream(seed_, {key_of("mixture"), key_of(set.name), static_cast<std::uint64_t>(epoch)})
                    .permutation(set.problems.size());
      }
      draws.push_back({&set, &set.problems[order[static_cast<std::size_t>(position % size)]]});
    }
  }
  return draws;
}

}  // namespace pope
