// How likely an experiment is to decide a claim, stated before it runs.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/statistics.h"
#include "reproduce/plan.h"

namespace pope {

// Quantile 0.975 of Student's t distribution.
double t_quantile(std::size_t degrees);

// Student's t interval for the mean of `values` (two and more) at level 0.95: mean ± t_{n−1} s/√n. The
// bootstrap is too narrow for the handful of bases that an experiment has.
Interval student_interval(const std::vector<double>& values);

// The probability that the t interval over n independent normal values of mean `expect` and standard
// deviation `noise` lies wholly on the claim's side of its bound (within: inside ±bound). Exact: the
// noncentral t distribution, by an integral over s. n ≥ 2, noise > 0.
double power_of(Side side, double bound, double expect, double noise, int n);

// The same for a claim that says what it expects, where its noise is known; nothing otherwise, or with fewer
// than three bases, which decide nothing.
std::optional<double> power_of(const Claim& claim, int bases);

}  // namespace pope
