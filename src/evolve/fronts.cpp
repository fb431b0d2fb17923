// See fronts.h.
#include "evolve/fronts.h"

#include <algorithm>
#include <numeric>

namespace pope {

double mean_score(const std::vector<double>& scores) {
  if (scores.empty()) return 0;
  return std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
}

int best_candidate(const Scores& scores) {
  int best = 0;
  for (int i = 1; i < std::ssize(scores); ++i)
    if (mean_score(scores[i]) > mean_score(scores[best])) best = i;
  return best;
}

Fronts instance_fronts(const Scores& scores) {
  Fronts fronts(scores.front().size());
  for (std::size_t instance = 0; instance < fronts.size(); ++instance) {
    double most = scores.front()[instance];
    for (const std::vector<double>& one : scores) most = std::max(most, one[instance]);
    for (int i = 0; i < std::ssize(scores); ++i)
      if (scores[i][instance] == most) fronts[instance].push_back(i);
  }
  return fronts;
}

Fronts pruned_fronts(const Scores& scores) {
  Fronts fronts = instance_fronts(scores);
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return mean_score(scores[a]) < mean_score(scores[b]); });
  // Whoever goes makes those that are left harder to dominate, so one pass is enough.
  for (const int candidate : order) {
    const auto needed = [&](const std::vector<int>& front) {
      return front.size() == 1 && front.front() == candidate;
    };
    if (std::any_of(fronts.begin(), fronts.end(), needed)) continue;
    for (std::vector<int>& front : fronts) std::erase(front, candidate);
  }
  return fronts;
}

std::vector<int> front_counts(const Fronts& fronts, std::size_t n) {
  std::vector<int> counts(n);
  for (const std::vector<int>& front : fronts)
    for (const int candidate : front) ++counts[static_cast<std::size_t>(candidate)];
  return counts;
}

std::vector<int> greedy_cover(const Scores& scores) {
  std::vector<int> cover;
  std::vector<bool> solved(scores.front().size());
  while (true) {
    int best = -1, most = 0;
    for (int i = 0; i < std::ssize(scores); ++i) {
      int adds = 0;
      for (std::size_t k = 0; k < solved.size(); ++k) adds += !solved[k] && scores[i][k] > 0;
      if (adds > most) best = i, most = adds;
    }
    if (best < 0) return cover;
    cover.push_back(best);
    for (std::size_t k = 0; k < solved.size(); ++k) solved[k] = solved[k] || scores[best][k] > 0;
  }
}

}  // namespace pope
