// The estimators behind every reported number: unbiased pass@k, means, bootstrap intervals.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pope {

// pass@k from n samples of which c are correct: 1 − C(n−c, k)/C(n, k), as a product that stays exact for
// large n (Eq. 4, arXiv:2601.18779; Chen et al. 2021). Requires 0 ≤ c ≤ n and 1 ≤ k ≤ n; throws Error
// otherwise.
double pass_at_k(int n, int c, int k);

struct Interval {
  double value = 0, low = 0, high = 0;
};

// The mean of `values` with a percentile-bootstrap interval at `level`, resampling the values (problems, or
// seeds) with replacement. Deterministic in `seed`. One value: low = high = value. Empty: Error.
Interval bootstrap_mean(std::span<const double> values, double level = 0.95, int resamples = 2000,
                        std::uint64_t seed = 1);

// The mean of `rates`, values in [0,1] such as the pass@k of each problem, with the interval above. Where all
// are 0, or all 1, resampling shows no spread; then the interval ends at the exact binomial (Clopper–Pearson)
// bound of as many trials, 1 − ((1 − level)/2)^(1/n), which holds for every distribution on [0,1].
Interval bootstrap_rate(std::span<const double> rates, double level = 0.95, int resamples = 2000,
                        std::uint64_t seed = 1);

// The mean over runs (seeds) of each run's mean over its rates, values in [0,1]. The interval resamples the
// runs, and within each drawn run its rates; so it is wide where runs differ and where a run is uncertain.
// Where all rates are 0, or all 1, it ends at bootstrap_rate's bound for their total number. Error when a run
// is empty.
Interval bootstrap_runs(std::span<const std::vector<double>> runs, double level = 0.95, int resamples = 2000,
                        std::uint64_t seed = 1);

}  // namespace pope
