// See merge.h.
#include "evolve/merge.h"

#include <algorithm>
#include <array>

#include "evolve/fronts.h"

namespace pope {
namespace {

void collect_ancestors(const std::vector<Candidate>& candidates, int of, std::set<int>& found) {
  for (const int parent : candidates[of].parents)
    if (found.insert(parent).second) collect_ancestors(candidates, parent, found);
}

// Whether one of the two has kept a text of the ancestor that the other has changed.
bool complementary(const Candidate& ancestor, const Candidate& first, const Candidate& second) {
  return std::any_of(ancestor.texts.begin(), ancestor.texts.end(), [&](const auto& component) {
    const auto& [name, text] = component;
    const std::string &one = first.texts.at(name), &other = second.texts.at(name);
    return one != other && (one == text || other == text);
  });
}

std::vector<int> usable_ancestors(const std::vector<Candidate>& candidates, int first, int second,
                                  const std::set<MergeKey>& tried) {
  std::set<int> of_first, of_second;
  collect_ancestors(candidates, first, of_first);
  collect_ancestors(candidates, second, of_second);
  std::vector<int> usable;
  if (of_first.contains(second) || of_second.contains(first)) return usable;
  for (const int ancestor : of_first) {
    const double mean = mean_score(candidates[ancestor].scores);
    if (of_second.contains(ancestor) && !tried.contains({first, second, ancestor}) &&
        mean <= mean_score(candidates[first].scores) && mean <= mean_score(candidates[second].scores) &&
        complementary(candidates[ancestor], candidates[first], candidates[second]))
      usable.push_back(ancestor);
  }
  return usable;
}

// One of `choices`, in proportion to their means; evenly where all are 0.
int draw_ancestor(const std::vector<Candidate>& candidates, const std::vector<int>& choices,
                  RngStream& random) {
  double total = 0;
  for (const int one : choices) total += mean_score(candidates[one].scores);
  if (total <= 0) return choices[random.below(choices.size())];
  double left = random.uniform() * total;
  for (const int one : choices) {
    left -= mean_score(candidates[one].scores);
    if (left < 0) return one;
  }
  return choices.back();
}

}  // namespace

Texts merged_texts(const Candidate& ancestor, const Candidate& first, const Candidate& second,
                   RngStream& random) {
  const double by = mean_score(first.scores) - mean_score(second.scores);
  Texts texts;
  for (const auto& [name, text] : ancestor.texts) {
    const std::string &one = first.texts.at(name), &other = second.texts.at(name);
    bool take_first = false;
    if (one == text || other == text) {
      take_first = other == text;
    } else {
      take_first = by > 0 || one == other || (by == 0 && random.below(2) == 0);
    }
    texts[name] = take_first ? one : other;
  }
  return texts;
}

std::optional<Merge> draw_merge(const std::vector<Candidate>& candidates, const std::vector<int>& from,
                                const std::set<MergeKey>& tried, RngStream random) {
  struct Pair {
    int first, second;
    std::vector<int> ancestors;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (std::size_t j = i + 1; j < from.size(); ++j) {
      const auto [first, second] = std::minmax(from[i], from[j]);
      std::vector<int> ancestors = usable_ancestors(candidates, first, second, tried);
      if (!ancestors.empty()) pairs.push_back({first, second, std::move(ancestors)});
    }
  }
  for (const std::size_t at : random.permutation(pairs.size())) {
    const Pair& pair = pairs[at];
    Merge merge{pair.first, pair.second, draw_ancestor(candidates, pair.ancestors, random), {}};
    merge.texts =
        merged_texts(candidates[merge.ancestor], candidates[merge.first], candidates[merge.second], random);
    const bool known = std::any_of(candidates.begin(), candidates.end(),
                                   [&](const Candidate& one) { return one.texts == merge.texts; });
    if (!known) return merge;
  }
  return std::nullopt;
}

std::vector<std::size_t> merge_instances(const std::vector<double>& first, const std::vector<double>& second,
                                         std::size_t n, RngStream random) {
  std::array<std::vector<std::size_t>, 3> strata;  // first better, second better, equal
  std::vector<std::size_t> rest, chosen;
  for (const std::size_t i : random.permutation(first.size()))
    strata[first[i] > second[i] ? 0 : second[i] > first[i] ? 1 : 2].push_back(i);
  const std::size_t each = (n + 2) / 3;
  for (const std::vector<std::size_t>& stratum : strata) {
    const std::size_t taken = std::min({each, stratum.size(), n - chosen.size()});
    chosen.insert(chosen.end(), stratum.begin(), stratum.begin() + static_cast<std::ptrdiff_t>(taken));
    rest.insert(rest.end(), stratum.begin() + static_cast<std::ptrdiff_t>(taken), stratum.end());
  }
  for (const std::size_t i : random.permutation(rest.size()))
    if (chosen.size() < n) chosen.push_back(rest[i]);
  return chosen;
}

}  // namespace pope
