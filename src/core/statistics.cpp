// Estimators. Products are summed as logarithms, so that tiny probabilities keep their relative precision.
#include "core/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/rng.h"

namespace pope {
namespace {

// Quantile q of sorted values, linear between neighbours.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

}  // namespace

double pass_at_k(int n, int c, int k) {
  if (n < 1 || c < 0 || c > n || k < 1 || k > n) {
    throw Error("pass_at_k",
                "expected 0 <= c <= n and 1 <= k <= n, got n = " + std::to_string(n) +
                    ", c = " + std::to_string(c) + ", k = " + std::to_string(k),
                k > n ? "draw at least k samples per problem" : "");
  }
  if (c == 0) return 0.0;
  if (n - c < k) return 1.0;
  if (k == 1) return static_cast<double>(c) / n;
  // C(n−c, k)/C(n, k) = ∏_{i = n−a+1}^{n} (1 − b/i) for (a, b) = (c, k) and for (k, c): take the shorter
  // product.
  const int terms = std::min(c, k);
  const double other = std::max(c, k);
  double log_none = 0;
  for (int i = n - terms + 1; i <= n; ++i) log_none += std::log1p(-other / i);
  return -std::expm1(log_none);
}

Interval bootstrap_mean(std::span<const double> values, double level, int resamples, std::uint64_t seed) {
  if (values.empty()) throw Error("bootstrap_mean", "expected at least one value, got none");
  if (!(level > 0 && level < 1) || resamples < 1) {
    throw Error("bootstrap_mean", "expected 0 < level < 1 and resamples >= 1, got level = " +
                                      std::to_string(level) + ", resamples = " + std::to_string(resamples));
  }
  const auto count = static_cast<double>(values.size());
  Interval interval;
  interval.value = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() == 1) return {interval.value, interval.value, interval.value};
  RngStream rng(seed, {key_of("bootstrap")});
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[rng.below(values.size())];
    mean = sum / count;
  }
  std::sort(means.begin(), means.end());
  interval.low = quantile(means, (1 - level) / 2);
  interval.high = quantile(means, (1 + level) / 2);
  return interval;
}

Interval bootstrap_rate(std::span<const double> rates, double level, int resamples, std::uint64_t seed) {
  Interval interval = bootstrap_mean(rates, level, resamples, seed);
  const double bound = std::pow((1 - level) / 2, 1 / static_cast<double>(rates.size()));
  const auto all = [&](double value) {
    return std::all_of(rates.begin(), rates.end(), [value](double rate) { return rate == value; });
  };
  if (all(0)) interval.high = 1 - bound;
  if (all(1)) interval.low = bound;
  return interval;
}

}  // namespace pope
