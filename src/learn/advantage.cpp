// Group-relative advantages (see advantage.h).
#include "learn/advantage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace pope {

std::vector<double> advantages(std::span<const double> rewards, const std::string& kind) {
  if (kind != "mean" && kind != "mean_std" && kind != "leave_one_out") {
    throw Error("advantages", "expected mean, mean_std or leave_one_out, got '" + kind + "'",
                "set objective.advantage to one of the three");
  }
  if (rewards.size() < 2) {
    throw Error("advantages",
                "expected a group of at least 2 rollouts, got " + std::to_string(rewards.size()),
                "set train.rollouts_per_prompt to 2 or more");
  }
  const double n = static_cast<double>(rewards.size());
  std::vector<double> result(rewards.size(), 0.0);
  // Equal rewards give exact zeros, which rounding of the mean would not.
  if (std::all_of(rewards.begin(), rewards.end(), [&](double r) { return r == rewards[0]; })) return result;

  const double sum = std::accumulate(rewards.begin(), rewards.end(), 0.0);
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    const double baseline = kind == "leave_one_out" ? (sum - rewards[i]) / (n - 1) : sum / n;
    result[i] = rewards[i] - baseline;
  }
  if (kind == "mean_std") {
    const double squares = std::inner_product(result.begin(), result.end(), result.begin(), 0.0);
    const double std = std::sqrt(squares / (n - 1));
    for (double& a : result) a /= std + 1e-6;
  }
  return result;
}

}  // namespace pope
