// Candidates are rational numbers; the points lie between two of them, and beyond all. Where the argument of
// a kink is zero is worked out when it is linear, and else searched for between powers of two.
#include "verify/kinks.h"

#include <algorithm>
#include <array>

#include "core/chars.h"

namespace pope {
namespace {

constexpr std::size_t kMostCandidates = 20, kMostNames = 4;

bool is_step(const Node& node) {
  return node.is(NodeKind::function) && (node.text == "floor" || node.text == "ceil" || node.text == "mod");
}

bool holds_step(const Node& node) {
  return is_step(node) || std::any_of(node.children.begin(), node.children.end(),
                                      [](const Node* n) { return holds_step(*n); });
}

bool is_whole(const Node& node) {
  return node.is(NodeKind::number) && std::all_of(node.text.begin(), node.text.end(), is_digit);
}

bool is_even_power(const Node& node) {
  return node.is(NodeKind::power) && is_whole(*node.children[1]) &&
         (node.children[1]->text.back() - '0') % 2 == 0;
}

bool holds_even_power(const Node& node) {
  return is_even_power(node) || std::any_of(node.children.begin(), node.children.end(),
                                            [](const Node* n) { return holds_even_power(*n); });
}

// √(x²), (x²)^{1/2}.
bool is_root_of_square(const Node& node) {
  const bool root = node.is(NodeKind::function, "sqrt");
  const bool power = node.is(NodeKind::power) && !is_whole(*node.children[1]);
  return (root || power) && holds_even_power(*node.children[0]);
}

bool is_kink(const Node& node) {
  if (is_step(node) || is_root_of_square(node)) return has_variables(node);
  return node.is(NodeKind::function) && (node.text == "abs" || node.text == "max" || node.text == "min") &&
         has_variables(node);
}

void add_names(const Node& node, std::vector<std::string_view>& bound, std::vector<std::string_view>& names) {
  if (node.is(NodeKind::variable)) {
    for (const std::vector<std::string_view>* list : {&bound, &names})
      if (std::find(list->begin(), list->end(), node.text) != list->end()) return;
    names.push_back(node.text);
  }
  const bool series = node.is(NodeKind::series);
  if (series) bound.push_back(node.children[1]->text);
  for (std::size_t i = 0; i < node.children.size(); ++i)
    if (!(series && i == 1)) add_names(*node.children[i], bound, names);
  if (series) bound.pop_back();
}

std::vector<std::string_view> names_of(const Compared& compared) {
  std::vector<std::string_view> bound, names;
  for (const Node* node : compared) add_names(*node, bound, names);
  std::sort(names.begin(), names.end());  // whichever side they stand on
  return names;
}

bool is_whole_name(std::string_view name) {
  return !name.empty() && std::string_view("ijklmnN").find(name[0]) != std::string_view::npos &&
         (name.size() == 1 || name[1] == '_');
}

Rational sum_of(const Rational& a, const Rational& b) {
  Rational out;
  fmpq_add(out.get(), a.get(), b.get());
  return out;
}

Rational scaled(const Rational& a, slong top, slong bottom) {
  Rational by, out;
  fmpq_set_si(by.get(), top, static_cast<ulong>(bottom));
  fmpq_mul(out.get(), a.get(), by.get());
  return out;
}

Rational power_of_two(slong side, slong exponent) {
  Rational out(side);
  if (exponent >= 0) {
    fmpz_mul_2exp(out.num(), out.num(), static_cast<ulong>(exponent));
  } else {
    fmpz_mul_2exp(out.den(), out.den(), static_cast<ulong>(-exponent));
  }
  return out;
}

// Where a search looks for changes of sign, and how far away extreme points are.
constexpr std::array<slong, 22> kExponents = {-3600, -1200, -300, -120, -60, -36, -24, -16, -10, -6,   -3,
                                              0,     3,     6,    10,   16,  24,  36,  60,  120, 1200, 3600};
constexpr std::array<slong, 6> kExtremes = {-3600, -1200, -120, 120, 1200, 3600};

class Candidates {
 public:
  Candidates(std::string_view name, const std::vector<std::string_view>& names, Budget& budget)
      : name_(name), names_(names), budget_(budget) {}

  void add(const Node& node) {
    if (!has_variables(node)) {
      Evaluation at{budget_, 64};
      const Value value = evaluate(node, at);
      if (value.is_rational() && value.rational().bits() < 256) constant(value.rational());
      return;
    }
    if (is_kink(node)) {
      const bool pair = node.text == "max" || node.text == "min";
      for (std::size_t i = 0; i < node.children.size() && !is_step(node); ++i)
        root(*node.children[i], pair && i > 0 ? node.children[i - 1] : nullptr);
    }
    if (is_even_power(node)) root(*node.children[0], nullptr);
    for (const Node* child : node.children) add(*child);
  }

  // Those that were searched for: a kink around another one may be very near.
  const std::vector<Rational>& searched() const { return searched_; }

  // All of them, or some where there are many.
  std::vector<Rational> sorted() const {
    const auto less = [](const Rational& a, const Rational& b) { return fmpq_cmp(a.get(), b.get()) < 0; };
    std::vector<Rational> all = found_;
    std::sort(all.begin(), all.end(), less);
    const auto same = [](const Rational& a, const Rational& b) { return fmpq_equal(a.get(), b.get()) != 0; };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    const std::size_t step = all.size() / kMostCandidates + 1;  // from all over
    std::vector<Rational> out;
    for (std::size_t i = 0; i < all.size(); i += step) out.push_back(all[i]);
    return out;
  }

 private:
  void keep(Rational q) {
    budget_.charge(10);
    found_.push_back(std::move(q));
  }
  void constant(const Rational& q) {
    keep(q);
    keep(scaled(q, -1, 1));
  }

  // Where `node`, less `other`, is zero.
  void root(const Node& node, const Node* other) {
    const auto at_value = [&](const Rational& x, Budget& budget) {
      Evaluation at{budget, 192, 1};
      for (const std::string_view name : names_) at.bound.emplace_back(name, named_value(name, at));
      at.bound.emplace_back(name_, Value(x));
      const Value value = evaluate(node, at);
      return other ? subtract(value, evaluate(*other, at), at) : value;
    };
    constexpr std::int64_t kSearchPart = 16;  // of the budget, for each name's share
    constexpr int kMostSearches = 6;
    const std::int64_t parts = kSearchPart * static_cast<std::int64_t>(names_.size());
    if (!linear_root(at_value) && searches_++ < kMostSearches)
      within_part(budget_, parts, [&](Budget& part) { search(at_value, part); });
  }

  // The root as if the argument were linear; whether it is, as far as a third value tells. If not, the vertex
  // as if it were quadratic.
  template <class Function>
  bool linear_root(const Function& at_value) {
    const Value zero = at_value(Rational(0), budget_), one = at_value(Rational(1), budget_);
    if (!zero.is_rational() || !one.is_rational()) return false;
    Rational slope, place;
    fmpq_sub(slope.get(), zero.rational().get(), one.rational().get());
    if (!slope.is_zero()) {
      fmpq_div(place.get(), zero.rational().get(), slope.get());
      keep(std::move(place));
    }
    const Value two = at_value(Rational(2), budget_);
    if (!two.is_rational()) return false;
    Rational bend;  // of the parabola through the three; its vertex lies between its roots
    fmpq_sub(bend.get(), sum_of(two.rational(), zero.rational()).get(), scaled(one.rational(), 2, 1).get());
    if (bend.is_zero()) return true;
    Rational vertex;
    fmpq_div(vertex.get(), slope.get(), bend.get());
    vertex = sum_of(vertex, scaled(Rational(1), 1, 2));
    searched_.push_back(vertex);
    keep(std::move(vertex));
    return false;
  }

  // Roots between powers of two at which the argument has different signs.
  template <class Function>
  void search(const Function& at_value, Budget& part) {
    const auto sign_at = [&](const Rational& x) -> int {
      part.charge(20);
      const Value value = at_value(x, part);
      if (value.is_rational()) return value.rational().sign();
      if (!value.is_nonzero() || !value.ball().is_real()) return 0;
      return arb_is_positive(value.ball().re()) != 0 ? 1 : -1;
    };
    for (const slong side : {1, -1}) {
      slong last = 0;
      int before = 0;
      for (const slong exponent : kExponents) {
        const int here = sign_at(power_of_two(side, exponent));
        if (here * before < 0) {
          searched_.push_back(between(sign_at, side, last, exponent, before));
          keep(searched_.back());
        }
        if (here != 0) last = exponent, before = here;
      }
    }
  }

  // A root between side·2^low, where the sign is `sign`, and side·2^high, where it is the other: halves the
  // exponents, then the numbers.
  template <class Function>
  static Rational between(const Function& sign_at, slong side, slong low, slong high, int sign) {
    constexpr int kHalvings = 140;  // more than a constant of 10^30 has bits
    while (high - low > 1) {
      const slong middle = low + (high - low) / 2;
      (sign_at(power_of_two(side, middle)) == sign ? low : high) = middle;
    }
    Rational from = power_of_two(side, low), to = power_of_two(side, high);
    for (int i = 0; i < kHalvings; ++i) {
      Rational middle = scaled(sum_of(from, to), 1, 2);
      (sign_at(middle) == sign ? from : to) = std::move(middle);
    }
    return to;
  }

  std::string_view name_;
  const std::vector<std::string_view>& names_;
  Budget& budget_;
  std::vector<Rational> found_, searched_;
  int searches_ = 0;
};

// The candidates, between them, next to them, and far away on both sides.
std::vector<Rational> places(const Candidates& candidates, bool whole) {
  const std::vector<Rational> sorted = candidates.sorted();
  std::vector<Rational> out = candidates.searched();
  out.insert(out.end(), sorted.begin(), sorted.end());
  for (std::size_t i = 0; i + 1 < sorted.size(); ++i)
    out.push_back(scaled(sum_of(scaled(sorted[i], 3, 1), scaled(sorted[i + 1], 4, 1)), 1, 7));
  if (!sorted.empty()) {
    out.push_back(sum_of(sorted.front(), Rational(-1)));
    out.push_back(sum_of(sorted.back(), Rational(1)));
  }
  for (const slong far : {37L, 1'237L, 100'043L, 1'000'000'033L, 10'000'000'000'037L}) {
    out.emplace_back(far);
    if (!whole) out.emplace_back(-far);
  }
  if (!whole) return out;
  for (Rational& q : out) {
    fmpz_fdiv_q(q.num(), q.num(), q.den());
    fmpz_abs(q.num(), q.num());
    fmpz_one(q.den());
  }
  return out;
}

// `place` for one of the names, the usual values for the others.
Assignment point_at(const std::vector<std::string_view>& names, std::string_view name, const Rational& place,
                    Budget& budget) {
  Assignment point;
  for (const std::string_view other : names) {
    const Evaluation at{budget, 64, is_whole_name(other) ? 3 : 1};
    point.emplace_back(other, other == name ? Value(place) : named_value(other, at));
  }
  return point;
}

}  // namespace

bool has_kinks(const Node& node) {
  return is_kink(node) ||
         std::any_of(node.children.begin(), node.children.end(), [](const Node* n) { return has_kinks(*n); });
}

std::vector<Assignment> kink_points(const Compared& compared, Budget& budget) {
  std::vector<Assignment> out;
  const std::vector<std::string_view> names = names_of(compared);
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    Candidates candidates(names[i], names, budget);
    for (const Node* node : compared) candidates.add(*node);
    for (const Rational& place : places(candidates, is_whole_name(names[i])))
      out.push_back(point_at(names, names[i], place, budget));
  }
  return out;
}

std::vector<Assignment> extreme_points(const Compared& compared, Budget& budget) {
  std::vector<Assignment> out;
  const std::vector<std::string_view> names = names_of(compared);
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    for (const slong exponent : kExtremes) {
      const bool whole = is_whole_name(names[i]);
      if (whole && exponent < 0) continue;
      out.push_back(point_at(names, names[i], power_of_two(1, exponent), budget));
      if (!whole) out.push_back(point_at(names, names[i], power_of_two(-1, exponent), budget));
    }
  }
  return out;
}

bool is_of_whole_numbers(const Node& a, const Node& b) {
  if (!holds_step(a) && !holds_step(b)) return false;
  const std::vector<std::string_view> names = names_of({&a, &b});
  return !names.empty() && std::all_of(names.begin(), names.end(), is_whole_name);
}

std::vector<Assignment> whole_points(const Node& a, const Node& b) {
  constexpr std::array<slong, 20> kValues = {1,  2,  3,  4,  5,  6,  7,   8,    9,    10,
                                             11, 12, 13, 14, 30, 97, 360, 1001, 4096, 100'003};
  const std::vector<std::string_view> names = names_of({&a, &b});
  std::vector<Assignment> out;
  for (std::size_t i = 0; i < kValues.size(); ++i) {
    Assignment point;
    for (std::size_t n = 0; n < names.size(); ++n)  // other names go through the small ones in another order
      point.emplace_back(names[n], Value(Rational(n == 0 ? kValues[i] : kValues[(7 * i + 5 * n) % 14])));
    out.push_back(std::move(point));
  }
  return out;
}

}  // namespace pope
