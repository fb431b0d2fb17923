// Weights in closed form, from pass@k of the others of the group.
#include "learn/pass_k.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/statistics.h"

namespace pope {

std::vector<double> pass_k_weights(std::span<const double> rewards, int k) {
  const int n = static_cast<int>(rewards.size());
  if (k < 1 || k > n) {
    throw Error("pass@k gradient",
                "expected 1 <= k <= n, got k = " + std::to_string(k) + ", n = " + std::to_string(n),
                "set objective.pass_k to at most train.rollouts_per_prompt");
  }
  if (!std::all_of(rewards.begin(), rewards.end(), [](double r) { return r == 0 || r == 1; })) {
    throw Error("pass@k gradient", "expected rewards of 0 and 1");
  }
  const int c = static_cast<int>(std::count(rewards.begin(), rewards.end(), 1.0));
  // ρ(n − 1, c, k − 1): the chance that k − 1 others of the group hold a success. Of no others, none.
  const double others = k == 1 || c == n ? 0 : pass_at_k(n - 1, c, k - 1);
  std::vector<double> weights;
  for (const double r : rewards) weights.push_back((r == 1 ? 1.0 : others) * k / n);
  return weights;
}

}  // namespace pope
