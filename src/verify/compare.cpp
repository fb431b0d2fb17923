// Comparison at points: rising precision until the values are apart, or agree as far as the rule asks.
#include "verify/compare.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "verify/evaluate.h"
#include "verify/kinks.h"
#include "verify/separation.h"
#include "verify/series.h"

namespace pope {
namespace {

constexpr std::array<slong, 5> kPrecisions = {64, 256, 1024, 4096, 16384};
// Two values that are not known exactly agree where their difference is below this power of two: two
// constants, and two expressions at a point.
constexpr slong kConstantAgreement = -512, kPointAgreement = -128;
constexpr int kWantedPoints = 8, kLeastPoints = 2;
// The part of the budget that a point with large whole numbers may cost before it is left out, and that all
// points very far away may cost together.
constexpr std::int64_t kLargePart = 8;

bool below(const Ball& z, slong exponent) {
  mag_t size;
  mag_init(size);
  acb_get_mag(size, z.get());
  const bool small = mag_cmp_2exp_si(size, exponent) < 0;
  mag_clear(size);
  return small;
}

struct Difference {
  Truth zero = Truth::unknown;
  bool exact = false;  // decided by rational arithmetic or a separation bound
};

// Whether `difference` is zero at one point, at rising precision. `bits`: it is zero if it is below 2^-bits.
template <class Function>
Difference is_zero(Function difference, std::span<const slong> precisions, int point, bool complex,
                   Budget& budget, std::optional<long> bits = {}) {
  int undefined = 0;
  for (const slong precision : precisions) {
    Evaluation at{budget, precision, point, complex};
    const Value d = difference(at);
    if (!d.defined()) {
      if (point >= 0 && ++undefined == 2) return {};  // not for want of precision; there are other points
      continue;
    }
    if (d.is_rational()) return {d.is_zero() ? Truth::yes : Truth::no, true};
    if (d.is_nonzero()) return {Truth::no, false};
    const slong agreement = point < 0 ? kConstantAgreement - 4 * at.digits : kPointAgreement;
    if (bits ? below(d.ball(), -*bits) : !at.extreme && below(d.ball(), agreement))
      return {Truth::yes, bits.has_value()};
  }
  return {};
}

Comparison constants_equal(const Node& a, const Node& b, bool complex, Budget& budget) {
  const auto difference = [&](Evaluation& at) {
    const Value x = evaluate(a, at);
    return x.defined() ? subtract(x, evaluate(b, at), at) : x;
  };
  const std::span<const slong> precisions = kPrecisions;
  const Difference first = is_zero(difference, precisions.first(1), -1, complex, budget);
  if (first.zero != Truth::unknown) return {first.zero, Ground::exact};
  if (const std::optional<long> bits = separation_bits(a, b, budget.limits().precision, budget)) {
    const std::array<slong, 2> enough = {*bits + 192, 2 * *bits + 1024};
    const Difference exact = is_zero(difference, enough, -1, complex, budget, bits);
    if (exact.zero != Truth::unknown) return {exact.zero, Ground::algebraic};
  }
  return {is_zero(difference, precisions.subspan(1), -1, complex, budget).zero, Ground::points};
}

// Fewer where a point costs much.
int wanted_points(const Budget& budget) {
  return budget.work() < budget.limits().work / 4 ? kWantedPoints : kLeastPoints;
}

// Whether evaluate_series() may take something without value as linear: with two of them in one answer, ΣfΣg
// and Σfg Σ1 would be the same.
bool is_linear(const Node& a, const Node& b) { return count_valueless(a) <= 1 && count_valueless(b) <= 1; }

// Whether a difference is certainly not zero at a point.
template <class Function>
bool differs_at(const Assignment& point, Function difference, bool complex, Budget& budget) {
  Evaluation at{budget, 192, 1, complex};
  at.bound = point;
  const Value d = difference(at);
  return d.defined() && !d.is_zero() && d.is_nonzero();
}

// Whether no point near the kinks of what is compared tells the two apart: no proof that they are equal, only
// of the opposite.
template <class Function>
bool agree_at_kinks(const Compared& compared, Function difference, bool complex, Budget& budget) {
  for (const Assignment& point : kink_points(compared, budget))
    if (differs_at(point, difference, complex, budget)) return false;
  bool agree = true;  // at points so far away, which cost may rule out
  const std::vector<Assignment> extreme = extreme_points(compared, budget);
  const std::int64_t part = kLargePart * static_cast<std::int64_t>(extreme.size());
  for (const Assignment& point : extreme) {
    within_part(budget, part, [&](Budget& own) { agree = !differs_at(point, difference, complex, own); });
    if (!agree) return false;
  }
  return true;
}

// Whole numbers only, at all of which both sides must have the same value.
template <class Function>
Truth equal_at_whole(const std::vector<Assignment>& points, Function difference, bool complex,
                     Budget& budget) {
  int agreed = 0;
  for (const Assignment& point : points) {
    const auto there = [&](Evaluation& at) {
      at.bound = point;
      return difference(at);
    };
    const Difference d = is_zero(there, kPrecisions, 1, complex, budget);
    if (d.zero == Truth::no) return Truth::no;
    if (d.zero == Truth::yes) ++agreed;
  }
  return agreed >= kWantedPoints ? Truth::yes : Truth::unknown;
}

// At a point with large whole numbers, which cost may rule out.
template <class Function>
Difference is_zero_if_cheap(Function difference, int point, bool complex, Budget& budget) {
  Difference found;
  within_part(budget, kLargePart,
              [&](Budget& part) { found = is_zero(difference, kPrecisions, point, complex, part); });
  return found;
}

// Agreement at points. `opaque`: as Evaluation says; then only equality means something.
Comparison equal_at_points(const Node& a, const Node& b, bool complex, bool opaque, Budget& budget) {
  int agreed = 0;
  const bool linear = opaque && is_linear(a, b);
  const auto difference = [&](Evaluation& at) {
    at.opaque = opaque;
    at.linear = linear;
    const Value x = evaluate(a, at);
    return x.defined() ? subtract(x, evaluate(b, at), at) : x;
  };
  const bool kinks = !opaque && (has_kinks(a) || has_kinks(b));
  if (kinks && is_of_whole_numbers(a, b)) {
    if (!agree_at_kinks({&a, &b}, difference, complex, budget)) return {Truth::no, Ground::points};
    return {equal_at_whole(whole_points(a, b), difference, complex, budget), Ground::points};
  }
  for (int point = 0; point < kPoints && agreed < wanted_points(budget); ++point) {
    const Difference d = is_large_point(point) ? is_zero_if_cheap(difference, point, complex, budget)
                                               : is_zero(difference, kPrecisions, point, complex, budget);
    if (d.zero == Truth::no) return {opaque ? Truth::unknown : Truth::no, Ground::points};
    if (d.zero == Truth::yes) ++agreed;
  }
  if (agreed < kLeastPoints) return {Truth::unknown, Ground::points};
  if (kinks && !agree_at_kinks({&a, &b}, difference, complex, budget)) return {Truth::no, Ground::points};
  return {Truth::yes, Ground::points};
}

}  // namespace

Comparison expressions_equal(const Node& a, const Node& b, Budget& budget) {
  const bool imaginary = has_imaginary(a) || has_imaginary(b);
  if (holds_valueless(a) || holds_valueless(b)) return equal_at_points(a, b, imaginary, true, budget);
  if (has_variables(a) || has_variables(b)) return equal_at_points(a, b, imaginary, false, budget);
  Comparison result = constants_equal(a, b, imaginary, budget);
  if (result.equal == Truth::unknown && !imaginary)
    result = constants_equal(a, b, true, budget);  // constants outside the reals: \sqrt{-4}
  return result.equal == Truth::unknown ? equal_at_points(a, b, imaginary, true, budget) : result;
}

Comparison relations_equal(const Node& left_a, const Node& right_a, const Node& left_b, const Node& right_b,
                           bool positive, Budget& budget) {
  const bool imaginary =
      has_imaginary(left_a) || has_imaginary(right_a) || has_imaginary(left_b) || has_imaginary(right_b);
  const bool opaque = holds_valueless(left_a) || holds_valueless(right_a) || holds_valueless(left_b) ||
                      holds_valueless(right_b);
  const Comparison no = {opaque ? Truth::unknown : Truth::no, Ground::points};
  const auto side_at = [&](const Node& left, const Node& right, Evaluation& at) {
    at.opaque = opaque;
    const Value x = evaluate(left, at);
    return x.defined() ? subtract(x, evaluate(right, at), at) : x;
  };
  const auto side = [&](const Node& left, const Node& right, int point, slong precision) {
    Evaluation at{budget, precision, point, imaginary};
    return side_at(left, right, at);
  };
  // A point where both differences are certainly not zero fixes the constant.
  int first = -1;
  for (int point = 0; point < kPoints && first < 0; ++point) {
    if (is_large_point(point)) continue;
    const Value x = side(left_a, right_a, point, 256), y = side(left_b, right_b, point, 256);
    if (!x.is_nonzero() || !y.is_nonzero()) continue;
    first = point;
    if (!positive) continue;
    Evaluation at{budget, 256, point, imaginary};
    const Ball product = enclose(multiply(x, y, at), at);
    if (!product.is_real() || arb_is_positive(product.re()) == 0) return no;
  }
  if (first < 0) return {};
  int agreed = 0;
  for (int point = 0; point < kPoints && agreed < wanted_points(budget); ++point) {
    if (point == first || is_large_point(point)) continue;
    const auto difference = [&](Evaluation& at) {
      const Value x = side(left_a, right_a, point, at.precision),
                  y = side(left_b, right_b, point, at.precision);
      const Value x0 = side(left_a, right_a, first, at.precision),
                  y0 = side(left_b, right_b, first, at.precision);
      return subtract(multiply(x, y0, at), multiply(x0, y, at), at);
    };
    const Difference d = is_zero(difference, kPrecisions, point, imaginary, budget);
    if (d.zero == Truth::no) return no;
    if (d.zero == Truth::yes) ++agreed;
  }
  if (agreed < kLeastPoints) return {Truth::unknown, Ground::points};
  const Compared compared = {&left_a, &right_a, &left_b, &right_b};
  const bool kinks = !opaque && std::any_of(compared.begin(), compared.end(),
                                            [](const Node* node) { return has_kinks(*node); });
  const auto difference = [&](Evaluation& at) {
    const Value x = side_at(left_a, right_a, at), y = side_at(left_b, right_b, at);
    const Value x0 = side(left_a, right_a, first, at.precision),
                y0 = side(left_b, right_b, first, at.precision);
    return subtract(multiply(x, y0, at), multiply(x0, y, at), at);
  };
  if (kinks && !agree_at_kinks(compared, difference, imaginary, budget)) return no;
  return {Truth::yes, Ground::points};
}

}  // namespace pope
