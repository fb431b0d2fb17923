// Group-relative advantages (see advantage.h).
#include "learn/advantage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "learn/pass_k.h"

namespace pope {

std::vector<double> advantages(std::span<const double> rewards, const std::string& kind, double eps) {
  const bool others = kind == "leave_one_out" || kind == "leave_one_out_std";
  const bool scaled = kind == "mean_std" || kind == "leave_one_out_std";
  if (kind != "none" && kind != "mean" && !others && !scaled) {
    throw Error("advantages",
                "expected mean, mean_std, leave_one_out, leave_one_out_std or none, got '" + kind + "'",
                "set objective.advantage to one of them");
  }
  if (rewards.size() < 2) {
    throw Error("advantages",
                "expected a group of at least 2 rollouts, got " + std::to_string(rewards.size()),
                "set train.rollouts_per_prompt to 2 or more");
  }
  if (kind == "none") return {rewards.begin(), rewards.end()};
  const double n = static_cast<double>(rewards.size());
  std::vector<double> result(rewards.size(), 0.0);
  // Equal rewards give exact zeros, which rounding of the mean would not.
  if (std::all_of(rewards.begin(), rewards.end(), [&](double r) { return r == rewards[0]; })) return result;

  const double sum = std::accumulate(rewards.begin(), rewards.end(), 0.0);
  double squares = 0;  // of the distances from the mean
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    const double distance = rewards[i] - sum / n;
    squares += distance * distance;
    result[i] = rewards[i] - (others ? (sum - rewards[i]) / (n - 1) : sum / n);
  }
  if (scaled) {
    for (double& a : result) a /= std::sqrt(squares / (n - 1)) + eps;
  }
  return result;
}

std::vector<double> group_advantages(const ObjectiveConfig& config, std::span<const double> rewards) {
  if (config.pass_k == 0) return advantages(rewards, config.advantage, config.advantage_eps);
  std::vector<double> weights = pass_k_weights(rewards, config.pass_k);
  for (double& weight : weights) weight *= static_cast<double>(rewards.size());
  return advantages(weights, config.advantage, config.advantage_eps);
}

}  // namespace pope
