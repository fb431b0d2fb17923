// Arithmetic on values, and the walk over the tree.
#include "verify/evaluate.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "verify/functions.h"
#include "verify/series.h"

namespace pope {
namespace {

constexpr slong kLargestExponent = 1 << 20;  // of two; beyond it enclosures are given up

std::int64_t cost(slong bits) { return 1 + bits / 32; }

std::uint64_t mix(std::uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::string_view text) {  // FNV-1a: the same on every machine
  std::uint64_t h = 0xCBF29CE484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return h;
}

// Four kinds of points in turn: within (0, 1), within (1, 10), negative (later of either sign), and whole
// numbers, two from 2 to 41, then one from 42 to 361 and one from 362 to 2409. Identities that hold only for
// some of them (√x² = x) are found out by the others.
Value variable_at(std::string_view name, int point) {
  const std::uint64_t random = mix(hash(name) ^ mix(static_cast<std::uint64_t>(point) + 1));
  const auto part = static_cast<slong>(random >> 24);  // 40 bits
  constexpr ulong kScale = 1UL << 40;
  Rational q;
  switch (point % 4) {
    case 0:
      fmpq_set_si(q.get(), part | 1, kScale);
      break;
    case 1:
      fmpq_set_si(q.get(), 9 * part + static_cast<slong>(kScale), kScale);
      break;
    case 2:
      fmpq_set_si(q.get(), (point > 2 && random % 2 == 0 ? 3 : -3) * part - 1, kScale);
      break;
    default: {
      const int size = point / 4 % 4;
      fmpq_set_si(q.get(), size < 2 ? 2 + part % 40 : size == 2 ? 42 + part % 320 : 362 + part % 2048, 1);
    }
  }
  return Value(std::move(q));
}

// An answer counts as real unless it says "i".
Value constant(std::string_view name, Evaluation& at) {
  Ball z;
  if (name == "pi") {
    arb_const_pi(z.re(), at.precision);
  } else if (name == "e") {
    arb_const_e(z.re(), at.precision);
  } else {
    acb_onei(z.get());
  }
  at.budget.charge(cost(at.precision));
  return Value(std::move(z));
}

Value divide(const Value& a, const Value& b, Evaluation& at) {
  if (!a.defined() || !b.defined() || b.is_zero()) return {};
  if (a.is_rational() && b.is_rational() &&
      a.rational().bits() + b.rational().bits() <= at.budget.limits().bits) {
    at.budget.charge(cost(a.rational().bits() + b.rational().bits()));
    Rational q;
    fmpq_div(q.get(), a.rational().get(), b.rational().get());
    return Value(std::move(q));
  }
  at.budget.charge(4 * cost(at.precision));
  Ball z;
  acb_div(z.get(), enclose(a, at).get(), enclose(b, at).get(), at.precision);
  return checked(std::move(z), at);
}

Value negative(const Value& a) {
  if (!a.defined()) return {};
  if (a.is_rational()) {
    Rational q;
    fmpq_neg(q.get(), a.rational().get());
    return Value(std::move(q));
  }
  Ball z;
  acb_neg(z.get(), a.ball().get());
  return Value(std::move(z));
}

// Numbers with a unit are values only where the unit is a factor: degrees in a formula, percent.
Value quantity(const Node& node, Evaluation& at) {
  const Value value = evaluate(*node.children[0], at);
  if (node.text == "%") return divide(value, Value(Rational(100)), at);
  if (node.text != "deg") return {};
  const Value turned = divide(value, Value(Rational(180)), at);
  return multiply(turned, constant("pi", at), at);
}

Value evaluate_function(const Node& node, Evaluation& at) {
  std::vector<Value> arguments;
  for (const Node* child : node.children) {
    arguments.push_back(evaluate(*child, at));
    if (!arguments.back().defined()) return {};
  }
  return apply_function(node.text, arguments, at);
}

Value evaluate_power(const Node& node, Evaluation& at) {
  const Value exponent = evaluate(*node.children[1], at);
  return exponent.defined() ? power(evaluate(*node.children[0], at), exponent, at) : exponent;
}

Value evaluate_opaque(const Node& node, Evaluation& at) {
  const bool extreme = std::exchange(at.extreme, false);
  Value value = node.is(NodeKind::power) ? evaluate_power(node, at) : evaluate_function(node, at);
  if (!value.defined() || at.extreme) value = variable_at(to_text(node), at.point);
  at.extreme = extreme;
  return value;
}

Value variable(std::string_view name, const Evaluation& at) {
  const auto bound = std::find_if(at.bound.rbegin(), at.bound.rend(),
                                  [&](const auto& variable) { return variable.first == name; });
  return bound == at.bound.rend() ? named_value(name, at) : bound->second;
}

bool has_free(const Node& node, std::vector<std::string_view>& bound) {
  if (node.is(NodeKind::variable)) return std::find(bound.begin(), bound.end(), node.text) == bound.end();
  const bool series = node.is(NodeKind::series);
  for (std::size_t i = series ? 2 : 0; i < node.children.size(); ++i)
    if (has_free(*node.children[i], bound)) return true;
  if (!series) return false;
  bound.push_back(node.children[1]->text);
  const bool free = has_free(*node.children[0], bound);
  bound.pop_back();
  return free;
}

template <class Operation>
Value fold(const Node& node, Evaluation& at, Operation operation) {
  Value result = evaluate(*node.children[0], at);
  for (std::size_t i = 1; i < node.children.size() && result.defined(); ++i)
    result = operation(result, evaluate(*node.children[i], at), at);
  return result;
}

}  // namespace

Ball enclose(const Value& value, Evaluation& at) {
  if (!value.is_rational()) return value.ball();
  const slong bits = value.rational().bits();
  at.digits = std::max(at.digits, bits);
  if (bits > at.precision) at.extreme = true;
  Ball z;
  arb_set_fmpq(z.re(), value.rational().get(), at.precision);
  return z;
}

bool Value::is_nonzero() const {
  if (is_rational()) return !q_.is_zero();
  return defined() && !z_.may_be_zero();
}

Value checked(Ball z, Evaluation& at) {
  if (!z.is_finite()) return {};
  if (!at.complex && !z.is_real()) return {};
  mag_t size;
  mag_init(size);
  acb_get_mag(size, z.get());
  const bool huge = mag_cmp_2exp_si(size, kLargestExponent) > 0;
  const bool large = mag_cmp_2exp_si(size, at.precision / 4) > 0;
  acb_get_mag_lower(size, z.get());
  const bool tiny = !z.may_be_zero() && mag_cmp_2exp_si(size, -at.precision / 4) < 0;
  mag_clear(size);
  if (huge) return {};
  at.extreme = at.extreme || large || tiny;
  return Value(std::move(z));
}

Value add(const Value& a, const Value& b, Evaluation& at) {
  if (!a.defined() || !b.defined()) return {};
  if (a.is_rational() && b.is_rational() &&
      a.rational().bits() + b.rational().bits() <= at.budget.limits().bits) {
    at.budget.charge(cost(a.rational().bits() + b.rational().bits()));
    Rational q;
    fmpq_add(q.get(), a.rational().get(), b.rational().get());
    return Value(std::move(q));
  }
  at.budget.charge(cost(at.precision));
  Ball z;
  acb_add(z.get(), enclose(a, at).get(), enclose(b, at).get(), at.precision);
  return checked(std::move(z), at);
}

Value subtract(const Value& a, const Value& b, Evaluation& at) { return add(a, negative(b), at); }

Value multiply(const Value& a, const Value& b, Evaluation& at) {
  if (!a.defined() || !b.defined()) return {};
  if (a.is_zero() || b.is_zero()) return Value(Rational(0));
  if (a.is_rational() && b.is_rational() &&
      a.rational().bits() + b.rational().bits() <= at.budget.limits().bits) {
    at.budget.charge(cost(a.rational().bits() + b.rational().bits()));
    Rational q;
    fmpq_mul(q.get(), a.rational().get(), b.rational().get());
    return Value(std::move(q));
  }
  at.budget.charge(2 * cost(at.precision));
  Ball z;
  acb_mul(z.get(), enclose(a, at).get(), enclose(b, at).get(), at.precision);
  return checked(std::move(z), at);
}

Value evaluate(const Node& node, Evaluation& at) {
  const Budget::Level level(at.budget);
  at.budget.charge(1);
  switch (node.kind) {
    case NodeKind::number: {
      std::optional<Rational> q = parse_number(node.text, at.budget);
      return q ? Value(std::move(*q)) : Value();
    }
    case NodeKind::variable:
      return variable(node.text, at);
    case NodeKind::constant:
      return constant(node.text, at);
    case NodeKind::sum:
      return fold(node, at, add);
    case NodeKind::product:
      return fold(node, at, multiply);
    case NodeKind::quotient:
      return fold(node, at, divide);
    case NodeKind::ratio:
      return node.children.size() == 2 ? fold(node, at, divide) : Value();
    case NodeKind::negate:
      return negative(evaluate(*node.children[0], at));
    case NodeKind::power:
      return at.opaque ? evaluate_opaque(node, at) : evaluate_power(node, at);
    case NodeKind::function:
      return at.opaque ? evaluate_opaque(node, at) : evaluate_function(node, at);
    case NodeKind::series:
      return evaluate_series(node, at);
    case NodeKind::quantity:
      return quantity(node, at);
    default:
      return {};
  }
}

std::optional<Rational> parse_number(std::string_view text, Budget& budget) {
  if (static_cast<std::int64_t>(4 * text.size()) > budget.limits().bits) throw OverBudget{"digits"};
  budget.charge(static_cast<std::int64_t>(text.size() / 8));
  Rational q;
  if (text.find('/') != std::string_view::npos) {
    if (fmpq_set_str(q.get(), std::string(text).c_str(), 10) != 0 || fmpz_is_zero(q.den()))
      return std::nullopt;
    return q;
  }
  std::string whole, part, repeating;
  slong exponent = 0;
  std::size_t i = 0;
  const auto digits = [&](std::string& into) {
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') into += text[i++];
  };
  digits(whole);
  if (i < text.size() && text[i] == '.') {
    ++i;
    digits(part);
    if (i < text.size() && text[i] == '(') {
      ++i;
      digits(repeating);
      ++i;
    }
  }
  if (i < text.size() && text[i] == 'e') {
    const std::string power(text.substr(i + 1));
    if (power.size() > 6) throw OverBudget{"digits"};
    exponent = std::stol(power);
    if (4 * std::abs(exponent) > budget.limits().bits) throw OverBudget{"digits"};
    i = text.size();
  }
  if (i != text.size() || whole.size() + part.size() + repeating.size() == 0) return std::nullopt;
  // whole.part(repeating) = (all digits - those before the repetition) / (10^r - 1) 10^-p
  Rational before;
  const auto set = [](fmpz* z, const std::string& s) { fmpz_set_str(z, s.empty() ? "0" : s.c_str(), 10); };
  set(q.num(), whole + part + repeating);
  fmpz_t scale;
  fmpz_init(scale);
  fmpz_ui_pow_ui(q.den(), 10, part.size());
  if (!repeating.empty()) {
    set(before.num(), whole + part);
    fmpz_sub(q.num(), q.num(), before.num());
    fmpz_ui_pow_ui(scale, 10, repeating.size());
    fmpz_sub_ui(scale, scale, 1);
    fmpz_mul(q.den(), q.den(), scale);
  }
  fmpz_ui_pow_ui(scale, 10, static_cast<ulong>(std::abs(exponent)));
  fmpz_mul(exponent < 0 ? q.den() : q.num(), exponent < 0 ? q.den() : q.num(), scale);
  fmpz_clear(scale);
  fmpq_canonicalise(q.get());
  return q;
}

Value named_value(std::string_view name, const Evaluation& at) {
  return at.point < 0 ? Value() : variable_at(name, at.point);
}

bool has_variables(const Node& node) {
  std::vector<std::string_view> bound;
  return has_free(node, bound);
}

bool has_imaginary(const Node& node) {
  return node.is(NodeKind::constant, "i") || std::any_of(node.children.begin(), node.children.end(),
                                                         [](const Node* n) { return has_imaginary(*n); });
}

}  // namespace pope
