// Student's t without a library: quantiles from a table, the noncentral distribution by Simpson's rule.
#include "reproduce/power.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "core/error.h"

namespace pope {
namespace {

double normal_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// ∫ f(u) p(u) du with u = s/σ, where s² is the variance of a sample with that many degrees of freedom: its
// density f is 2 (ν/2)^{ν/2} / Γ(ν/2) · u^{ν−1} e^{−νu²/2}. By Simpson's rule.
template <class P>
double mean_over_spread(double degrees, const P& p) {
  constexpr int kIntervals = 4000;  // even
  const double half = degrees / 2;
  const double constant = std::log(2.0) + half * std::log(half) - std::lgamma(half);
  // Beyond, less than 1e-12 of the mass: u is 1 ± 1/√(2ν), wider for one degree, a half normal.
  const double end = 1 + 8 / std::sqrt(degrees);
  const auto value = [&](double u) {
    const double power = degrees == 1 ? 0 : (degrees - 1) * std::log(u);
    return (u > 0 || degrees == 1) ? std::exp(constant + power - half * u * u) * p(u) : 0.0;
  };
  const double step = end / kIntervals;
  double sum = value(0) + value(end);
  for (int i = 1; i < kIntervals; ++i) sum += (i % 2 == 1 ? 4 : 2) * value(i * step);
  return sum * step / 3;
}

}  // namespace

// By degrees of freedom 1 … 30; beyond, the expansion about the normal quantile, z + (z³ + z)/4ν (Abramowitz
// & Stegun 26.7.5).
double t_quantile(std::size_t degrees) {
  static constexpr double kTable[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                      2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                      2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  constexpr double z = 1.959964;
  return degrees <= std::size(kTable) ? kTable[degrees - 1]
                                      : z + (z * z * z + z) / (4 * static_cast<double>(degrees));
}

Interval student_interval(const std::vector<double>& values) {
  if (values.size() < 2) throw Error("student_interval", "expected at least two values");
  const double n = static_cast<double>(values.size());
  const double center = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - center) * (value - center);
  const double half = t_quantile(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return {center, center - half, center + half};
}

double power_of(Side side, double bound, double expect, double noise, int n) {
  const double degrees = n - 1, t = t_quantile(static_cast<std::size_t>(n - 1)), root = std::sqrt(n) / noise;
  // The mean is normal and independent of s. Given s = u·noise, the interval is the mean ± t·u·noise/√n.
  if (side != Side::within) {
    const double distance = (side == Side::above ? expect - bound : bound - expect) * root;
    return mean_over_spread(degrees, [&](double u) { return normal_below(distance - t * u); });
  }
  const double up = (bound - expect) * root, down = (-bound - expect) * root;
  return mean_over_spread(degrees, [&](double u) {
    return std::max(0.0, normal_below(up - t * u) - normal_below(down + t * u));
  });
}

std::optional<double> power_of(const Claim& claim, int bases) {
  if (!claim.expect || !claim.noise || bases < 3 || !claim.untestable.empty()) return std::nullopt;
  return power_of(claim.side, claim.bound, *claim.expect, *claim.noise, bases);
}

}  // namespace pope
