// GEPA's merge (arXiv:2507.19457, App. F): two candidates that went different ways from a common ancestor
// give one that has what either changed. Pure functions.
#pragma once

#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "core/rng.h"
#include "evolve/candidate.h"

namespace pope {

struct Merge {
  int first = 0, second = 0, ancestor = 0;  // candidates; first < second
  Texts texts;
};
using MergeKey = std::tuple<int, int, int>;  // first, second, ancestor

// Draws a merge of two of `from` (the candidates that pruned_fronts() leaves), or nothing where there is
// none. A pair may merge when neither descends from the other, by an ancestor that is no better on the dev
// set than either and from which one of them has kept a component that the other changed. Not again what is
// in `tried`, nor what gives the texts of a candidate. The pair is drawn evenly, its ancestor in proportion
// to its mean.
std::optional<Merge> draw_merge(const std::vector<Candidate>& candidates, const std::vector<int>& from,
                                const std::set<MergeKey>& tried, RngStream random);

// Component by component: what only one changed is the changed text, what both changed is the better one's
// (a draw between equals).
Texts merged_texts(const Candidate& ancestor, const Candidate& first, const Candidate& second,
                   RngStream& random);

// At most n dev instances to try a merge on: up to n/3, rounded up, of those where the first is better, where
// the second is, and where they are equal; the rest from any.
std::vector<std::size_t> merge_instances(const std::vector<double>& first, const std::vector<double>& second,
                                         std::size_t n, RngStream random);

}  // namespace pope
