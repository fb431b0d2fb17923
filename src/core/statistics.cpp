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

void check(const char* operation, bool empty, double level, int resamples) {
  if (empty) throw Error(operation, "expected at least one value, got none");
  if (!(level > 0 && level < 1) || resamples < 1) {
    throw Error(operation, "expected 0 < level < 1 and resamples >= 1, got level = " + std::to_string(level) +
                               ", resamples = " + std::to_string(resamples));
  }
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The mean of a bootstrap sample: as many values, drawn with replacement.
double resampled_mean(std::span<const double> values, RngStream& rng) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[rng.below(values.size())];
  return sum / static_cast<double>(values.size());
}

// The interval that holds the middle `level` of the draws.
Interval percentile_interval(double value, std::vector<double> draws, double level) {
  std::sort(draws.begin(), draws.end());
  return {value, quantile(draws, (1 - level) / 2), quantile(draws, (1 + level) / 2)};
}

// Where all rates are 0, or all 1, the draws have no spread: takes the exact binomial bound of `count`
// trials.
void widen_to_bound(Interval& interval, double level, std::size_t count, bool all_zero, bool all_one) {
  const double bound = std::pow((1 - level) / 2, 1 / static_cast<double>(count));
  if (all_zero) interval.high = 1 - bound;
  if (all_one) interval.low = bound;
}

bool all_are(std::span<const double> rates, double value) {
  return std::all_of(rates.begin(), rates.end(), [value](double rate) { return rate == value; });
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
  check("bootstrap_mean", values.empty(), level, resamples);
  const double mean = mean_of(values);
  if (values.size() == 1) return {mean, mean, mean};
  RngStream rng(seed, {key_of("bootstrap")});
  std::vector<double> draws(static_cast<std::size_t>(resamples));
  for (double& draw : draws) draw = resampled_mean(values, rng);
  return percentile_interval(mean, std::move(draws), level);
}

Interval bootstrap_rate(std::span<const double> rates, double level, int resamples, std::uint64_t seed) {
  Interval interval = bootstrap_mean(rates, level, resamples, seed);
  widen_to_bound(interval, level, rates.size(), all_are(rates, 0), all_are(rates, 1));
  return interval;
}

Interval bootstrap_runs(std::span<const std::vector<double>> runs, double level, int resamples,
                        std::uint64_t seed) {
  const bool empty =
      runs.empty() || std::any_of(runs.begin(), runs.end(), [](const auto& run) { return run.empty(); });
  check("bootstrap_runs", empty, level, resamples);
  const auto count = static_cast<double>(runs.size());
  double mean = 0;
  std::size_t rates = 0;
  bool all_zero = true, all_one = true;
  for (const std::vector<double>& run : runs) {
    mean += mean_of(run) / count;
    rates += run.size();
    all_zero = all_zero && all_are(run, 0);
    all_one = all_one && all_are(run, 1);
  }
  RngStream rng(seed, {key_of("bootstrap runs")});
  std::vector<double> draws(static_cast<std::size_t>(resamples), 0.0);
  for (double& draw : draws) {
    for (std::size_t i = 0; i < runs.size(); ++i)
      draw += resampled_mean(runs[rng.below(runs.size())], rng) / count;
  }
  Interval interval = percentile_interval(mean, std::move(draws), level);
  widen_to_bound(interval, level, rates, all_zero, all_one);
  return interval;
}

}  // namespace pope
