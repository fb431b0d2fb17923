// See functions.h.
#include "verify/functions.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace pope {
namespace {

using AcbFunction = void (*)(acb_t, const acb_t, slong);

void reciprocal(acb_t out, const acb_t in, slong precision, AcbFunction f) {
  f(out, in, precision);
  acb_inv(out, out, precision);
}
void secant(acb_t out, const acb_t in, slong precision) { reciprocal(out, in, precision, acb_cos); }
void cosecant(acb_t out, const acb_t in, slong precision) { reciprocal(out, in, precision, acb_sin); }
void arc_cotangent(acb_t out, const acb_t in, slong precision) {
  acb_inv(out, in, precision);
  acb_atan(out, out, precision);
}
void real_part(acb_t out, const acb_t in, slong) {
  acb_set(out, in);
  arb_zero(acb_imagref(out));
}
void imaginary_part(acb_t out, const acb_t in, slong) { acb_set_arb(out, acb_imagref(in)); }
void argument(acb_t out, const acb_t in, slong precision) {
  arb_t angle;
  arb_init(angle);
  acb_arg(angle, in, precision);
  acb_set_arb(out, angle);
  arb_clear(angle);
}
void absolute(acb_t out, const acb_t in, slong precision) {
  arb_t size;
  arb_init(size);
  acb_abs(size, in, precision);
  acb_set_arb(out, size);
  arb_clear(size);
}

struct Named {
  std::string_view name;
  AcbFunction f;
};
constexpr std::array<Named, 20> kAnalytic = {
    {{"sin", acb_sin},     {"cos", acb_cos},          {"tan", acb_tan},     {"cot", acb_cot},
     {"sec", secant},      {"csc", cosecant},         {"arcsin", acb_asin}, {"arccos", acb_acos},
     {"arctan", acb_atan}, {"arccot", arc_cotangent}, {"sinh", acb_sinh},   {"cosh", acb_cosh},
     {"tanh", acb_tanh},   {"exp", acb_exp},          {"ln", acb_log},      {"log", acb_log},
     {"re", real_part},    {"im", imaginary_part},    {"arg", argument},    {"abs", absolute}}};

// Elementary functions take about precision^1.5.
std::int64_t function_cost(slong precision) {
  return 20 + precision * static_cast<std::int64_t>(n_sqrt(static_cast<ulong>(precision))) / 16;
}

// Whether `f` has nearly its limit at the argument, or at 0, so that `precision` may not show the difference:
// tanh 400, arctan 10^200, cos 10^-200.
bool is_saturated(AcbFunction f, const Ball& x, slong precision) {
  if (f == acb_log) return false;
  mag_t size;
  mag_init(size);
  acb_get_mag(size, x.get());
  mag_t most;  // of tanh, which reaches 1 - 2^-p at about p/3
  mag_init(most);
  mag_set_ui(most, static_cast<ulong>(precision) / 12);
  const bool large = f == acb_tanh ? mag_cmp(size, most) > 0 : mag_cmp_2exp_si(size, precision / 4) > 0;
  mag_clear(most);
  acb_get_mag_lower(size, x.get());
  const bool tiny = !x.may_be_zero() && mag_cmp_2exp_si(size, -precision / 4) < 0;
  mag_clear(size);
  return large || tiny;
}

// An enclosure through `f`. Arguments of a size that would need more digits than `precision` has are refused.
Value analytic(AcbFunction f, const Value& x, Evaluation& at) {
  at.budget.charge(function_cost(at.precision));
  const Ball in = enclose(x, at);
  mag_t size;
  mag_init(size);
  acb_get_mag(size, in.get());
  const bool huge = mag_cmp_2exp_si(size, 64) > 0;
  mag_clear(size);
  if (huge && f != acb_log && f != absolute && f != acb_atan) return {};
  at.extreme = at.extreme || (f != absolute && is_saturated(f, in, at.precision));
  Ball out;
  f(out.get(), in.get(), at.precision);
  return checked(std::move(out), at);
}

// Whole part downwards (`up` false) or upwards.
Value round(const Value& x, bool up, Evaluation& at) {
  Rational q;
  if (x.is_rational()) {
    (up ? fmpz_cdiv_q : fmpz_fdiv_q)(q.num(), x.rational().num(), x.rational().den());
    return Value(std::move(q));
  }
  if (!x.ball().is_real()) return {};
  Ball whole;
  (up ? arb_ceil : arb_floor)(whole.re(), x.ball().re(), at.precision);
  fmpz_t n;
  fmpz_init(n);
  const bool unique = arb_get_unique_fmpz(n, whole.re()) != 0;
  if (unique) fmpz_set(q.num(), n);
  fmpz_clear(n);
  return unique ? Value(std::move(q)) : Value();
}

Value factorial(const Value& x, Evaluation& at) {
  constexpr slong kExact = 10000;     // 10000! has 118,000 bits
  constexpr slong kGammaBits = 1024;  // beyond, Γ takes seconds
  if (x.is_rational() && x.rational().is_integer()) {
    if (x.rational().sign() < 0) return {};
    if (fmpz_cmp_si(x.rational().num(), kExact) <= 0) {
      at.budget.charge(fmpz_get_si(x.rational().num()));
      Rational q;
      fmpz_fac_ui(q.num(), fmpz_get_ui(x.rational().num()));
      return Value(std::move(q));
    }
  }
  if (at.precision > kGammaBits) return {};
  at.budget.charge(100 + at.precision * at.precision / 256);
  return analytic(acb_gamma, add(x, Value(Rational(1)), at), at);
}

Value double_factorial(const Value& x, Evaluation& at) {
  constexpr slong kMost = 3000;
  if (!x.is_rational() || !x.rational().is_integer() || x.rational().sign() < 0) return {};
  if (fmpz_cmp_si(x.rational().num(), kMost) > 0) return {};
  Rational q(1);
  for (slong n = fmpz_get_si(x.rational().num()); n > 1; n -= 2) {
    at.budget.charge(1 + q.bits() / 64);
    fmpz_mul_si(q.num(), q.num(), n);
  }
  return Value(std::move(q));
}

// n over k, by exact arithmetic for whole n and k, by the falling product for whole k, by Γ otherwise.
Value binomial(const Value& n, const Value& k, Evaluation& at) {
  if (k.is_rational() && k.rational().is_integer() && n.is_rational()) {
    if (k.rational().sign() < 0) return Value(Rational(0));
    const bool whole = n.rational().is_integer() && n.rational().sign() >= 0;
    if (whole && fmpz_cmp_si(n.rational().num(), at.budget.limits().bits) <= 0) {
      if (fmpz_cmp(k.rational().num(), n.rational().num()) > 0) return Value(Rational(0));
      const ulong top = fmpz_get_ui(n.rational().num()), chosen = fmpz_get_ui(k.rational().num());
      const ulong factors = std::min(chosen, top - chosen);
      at.budget.charge(1 + 4 * static_cast<std::int64_t>(factors));
      Rational q;
      fmpz_bin_uiui(q.num(), top, factors);
      return Value(std::move(q));
    }
    if (fmpz_cmp_si(k.rational().num(), 64) <= 0) {
      Value result(Rational(1));
      for (slong i = 0; i < fmpz_get_si(k.rational().num()); ++i) {
        Rational step(i + 1);
        fmpq_inv(step.get(), step.get());
        const Value factor = multiply(subtract(n, Value(Rational(i)), at), Value(std::move(step)), at);
        result = multiply(result, factor, at);
      }
      return result;
    }
  }
  const Value top = factorial(n, at), low = factorial(k, at), rest = factorial(subtract(n, k, at), at);
  if (!top.defined() || !low.defined() || !rest.defined()) return {};
  return multiply(top, power(multiply(low, rest, at), Value(Rational(-1)), at), at);
}

// log_b a is rational, p/q, where a^q = b^p: tried for small q.
Value logarithm(const Value& x, const Value& base, Evaluation& at) {
  const Value top = analytic(acb_log, x, at), bottom = analytic(acb_log, base, at);
  if (!top.defined() || !bottom.defined()) return {};
  const Value quotient = multiply(top, power(bottom, Value(Rational(-1)), at), at);
  if (!quotient.defined() || !x.is_rational() || !base.is_rational() || !quotient.ball().is_real())
    return quotient;
  for (slong q = 1; q <= 6; ++q) {
    const Value scaled = multiply(quotient, Value(Rational(q)), at);
    Rational p;
    if (!scaled.defined() || arb_get_unique_fmpz(p.num(), scaled.ball().re()) == 0) continue;
    const Value left = power(x, Value(Rational(q)), at), right = power(base, Value(p), at);
    if (left.is_rational() && right.is_rational() &&
        fmpq_equal(left.rational().get(), right.rational().get()) != 0) {
      Rational exact(q);
      fmpq_div(exact.get(), p.get(), exact.get());
      return Value(std::move(exact));
    }
  }
  return quotient;
}

// a - m ⌊a/m⌋ for whole numbers.
Value remainder(const Value& a, const Value& m) {
  if (!a.is_rational() || !a.rational().is_integer() || !m.is_rational() || !m.rational().is_integer() ||
      m.rational().sign() <= 0)
    return {};
  Rational q;
  fmpz_fdiv_r(q.num(), a.rational().num(), m.rational().num());
  return Value(std::move(q));
}

Value of_integers(std::string_view name, const std::vector<Value>& arguments) {
  Rational q;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].is_rational() || !arguments[i].rational().is_integer()) return {};
    const fmpz* n = arguments[i].rational().num();
    if (i == 0) {
      fmpz_abs(q.num(), n);
    } else {
      (name == "gcd" ? fmpz_gcd : fmpz_lcm)(q.num(), q.num(), n);
    }
  }
  return Value(std::move(q));
}

// max and min; undefined while enclosures overlap.
Value extremum(bool largest, const std::vector<Value>& arguments, Evaluation& at) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const Value d = subtract(arguments[i], arguments[best], at);
    if (!d.defined()) return {};
    if (d.is_zero()) continue;
    if (!d.is_nonzero()) return {};
    const Ball ball = enclose(d, at);
    if (!ball.is_real()) return {};
    if ((arb_is_positive(ball.re()) != 0) == largest) best = i;
  }
  return arguments[best];
}

// base^n for a whole n; exact while it fits the budget.
Value integer_power(const Value& base, const fmpz* n, Evaluation& at) {
  if (base.is_zero()) return fmpz_sgn(n) > 0 ? Value(Rational(0)) : Value();  // 0^0 too is left undefined
  if (base.is_rational() && fmpz_cmpabs(base.rational().num(), base.rational().den()) == 0)
    return Value(Rational(base.rational().sign() < 0 && fmpz_is_odd(n) ? -1 : 1));
  const std::int64_t limit = at.budget.limits().bits;
  if (base.is_rational() && COEFF_IS_MPZ(*n) == 0 &&
      std::abs(fmpz_get_si(n)) <= limit / base.rational().bits()) {
    at.budget.charge(1 + std::abs(fmpz_get_si(n)) * base.rational().bits() / 32);
    Rational q;
    fmpq_pow_si(q.get(), base.rational().get(), fmpz_get_si(n));
    return Value(std::move(q));
  }
  if (fmpz_bits(n) > 64) return {};
  at.budget.charge((1 + at.precision / 32) * static_cast<std::int64_t>(2 * fmpz_bits(n) + 1));
  Ball z;
  acb_pow_fmpz(z.get(), enclose(base, at).get(), n, at.precision);
  return checked(std::move(z), at);
}

bool is_negative_real(const Value& x) {
  return x.is_rational() ? x.rational().sign() < 0
                         : x.ball().is_real() && arb_is_negative(x.ball().re()) != 0;
}

}  // namespace

Value root(const Value& base, slong index, Evaluation& at) {
  if (!base.defined() || index < 1 || index > 4096) return {};
  if (base.is_rational() && (index % 2 == 1 || base.rational().sign() >= 0)) {
    Rational q;
    at.budget.charge(1 + base.rational().bits() / 16);
    if (fmpz_root(q.num(), base.rational().num(), index) != 0 &&
        fmpz_root(q.den(), base.rational().den(), index) != 0)
      return Value(std::move(q));
  }
  at.budget.charge(function_cost(at.precision) / 4);
  const Ball in = enclose(base, at);
  Ball z;
  if (in.is_real() && (index % 2 == 1 || arb_is_nonnegative(in.re()) != 0)) {
    const bool flip = arb_is_negative(in.re()) != 0;
    arb_abs(z.re(), in.re());
    arb_root_ui(z.re(), z.re(), static_cast<ulong>(index), at.precision);
    if (flip) arb_neg(z.re(), z.re());
  } else {
    acb_root_ui(z.get(), in.get(), static_cast<ulong>(index), at.precision);
  }
  return checked(std::move(z), at);
}

Value power(const Value& base, const Value& exponent, Evaluation& at) {
  if (!base.defined() || !exponent.defined()) return {};
  if (exponent.is_rational()) {
    const Rational& q = exponent.rational();
    if (q.is_integer()) return integer_power(base, q.num(), at);
    if (fmpz_cmp_si(q.den(), 4096) <= 0 && (!is_negative_real(base) || fmpz_is_odd(q.den()) || !at.complex))
      return integer_power(root(base, fmpz_get_si(q.den()), at), q.num(), at);
  }
  if (base.is_zero()) return {};
  if (is_negative_real(base) && !at.complex) return {};
  at.budget.charge(3 * function_cost(at.precision));
  Ball z = enclose(base, at);
  const Ball y = enclose(exponent, at);
  mag_t size;
  mag_init(size);
  acb_get_mag(size, y.get());
  const bool huge = mag_cmp_2exp_si(size, 64) > 0;
  mag_clear(size);
  if (huge) return {};
  acb_pow(z.get(), z.get(), y.get(), at.precision);
  return checked(std::move(z), at);
}

Value apply_function(std::string_view name, const std::vector<Value>& x, Evaluation& at) {
  if (x.empty()) return {};
  if (name == "gcd" || name == "lcm") return of_integers(name, x);
  if (name == "max" || name == "min") return extremum(name == "max", x, at);
  if (x.size() == 2) {
    if (name == "mod") return remainder(x[0], x[1]);
    if (name == "binom") return binomial(x[0], x[1], at);
    if (name == "log") return logarithm(x[0], x[1], at);
    if (name == "sqrt" && x[1].is_rational() && x[1].rational().is_integer() &&
        fmpz_cmp_si(x[1].rational().num(), 4096) <= 0)
      return root(x[0], fmpz_get_si(x[1].rational().num()), at);
    if (name == "sqrt") return power(x[0], power(x[1], Value(Rational(-1)), at), at);
    return {};
  }
  if (x.size() > 2) return {};
  if (name == "sqrt") return root(x[0], 2, at);
  if (name == "floor" || name == "ceil") return round(x[0], name == "ceil", at);
  if (name == "factorial") return factorial(x[0], at);
  if (name == "factorial2") return double_factorial(x[0], at);
  if (name == "lg") return logarithm(x[0], Value(Rational(10)), at);
  if (name == "abs" && x[0].is_rational()) {
    Rational q;
    fmpq_abs(q.get(), x[0].rational().get());
    return Value(std::move(q));
  }
  if ((name == "ln" || name == "log") && (x[0].is_zero() || (!at.complex && is_negative_real(x[0]))))
    return {};
  for (const Named& known : kAnalytic)
    if (known.name == name) return analytic(known.f, x[0], at);
  return {};
}

}  // namespace pope
