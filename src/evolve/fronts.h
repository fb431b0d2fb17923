// What is read off the scores of candidates on a dev set: who is best where, who is worth going on from, and
// which few candidates together solve what any of them solves. Pure functions. GEPA is arXiv:2507.19457.
#pragma once

#include <vector>

namespace pope {

// [candidate][instance]; every candidate has a score on every instance.
using Scores = std::vector<std::vector<double>>;
// [instance] → candidates, ascending.
using Fronts = std::vector<std::vector<int>>;

double mean_score(const std::vector<double>& scores);
// The largest mean; of equal ones the first.
int best_candidate(const Scores& scores);

// Per instance the candidates with its largest score: the Pareto front of that instance.
Fronts instance_fronts(const Scores& scores);
// The same without dominated candidates (Alg. 2). Dominated is who stands in no front alone with other
// dominated ones: each of its fronts has somebody who is left. Looked at from the lowest mean up, of equal
// means the oldest first. The paper does not say what dominates; this is what its authors' package does.
Fronts pruned_fronts(const Scores& scores);
// In how many of the fronts each of n candidates stands: its weight when a parent is drawn.
std::vector<int> front_counts(const Fronts& fronts, std::size_t n);

// P²O's cover (arXiv:2603.21877): the candidate that solves most of what is not solved yet, again and again,
// until none adds anything. Solved is a score above 0; of equal candidates the first.
std::vector<int> greedy_cover(const Scores& scores);

}  // namespace pope
