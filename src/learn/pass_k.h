// The pass@k policy gradient. Pure.
#pragma once

#include <span>
#include <vector>

namespace pope {

// Weights of the pass@k policy gradient Σ_i r_i ∇log π(y_i) of one group of n rollouts, c of them correct
// (Eq. 6–8, arXiv:2601.18779; arXiv:2505.15201): k/n of a correct one, (k/n)·ρ(n−1, c, k−1) of an incorrect
// one. `rewards` are 0 or 1. k = 1 gives r_i/n: the ordinary policy gradient.
std::vector<double> pass_k_weights(std::span<const double> rewards, int k);

}  // namespace pope
