// Candidates are rational numbers; the points lie between two of them, and beyond all.
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

std::vector<std::string_view> names_of(const Node& a, const Node& b) {
  std::vector<std::string_view> bound, names;
  add_names(a, bound, names);
  add_names(b, bound, names);
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

  std::vector<Rational> sorted() {
    const auto less = [](const Rational& a, const Rational& b) { return fmpq_cmp(a.get(), b.get()) < 0; };
    std::sort(found_.begin(), found_.end(), less);
    const auto same = [](const Rational& a, const Rational& b) { return fmpq_equal(a.get(), b.get()) != 0; };
    found_.erase(std::unique(found_.begin(), found_.end(), same), found_.end());
    const std::size_t step = found_.size() / kMostCandidates + 1;  // of many some, from all over
    std::vector<Rational> out;
    for (std::size_t i = 0; i < found_.size(); i += step) out.push_back(found_[i]);
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

  // Where `node`, less `other`, is zero, were it linear in the name.
  void root(const Node& node, const Node* other) {
    const auto at_value = [&](slong x) {
      Evaluation at{budget_, 64, 1};
      for (const std::string_view name : names_) at.bound.emplace_back(name, named_value(name, at));
      at.bound.emplace_back(name_, Value(Rational(x)));
      const Value value = evaluate(node, at);
      return other ? subtract(value, evaluate(*other, at), at) : value;
    };
    const Value zero = at_value(0), one = at_value(1);
    if (!zero.is_rational() || !one.is_rational()) return;
    Rational slope, place;
    fmpq_sub(slope.get(), zero.rational().get(), one.rational().get());
    if (slope.is_zero()) return;
    fmpq_div(place.get(), zero.rational().get(), slope.get());
    keep(std::move(place));
  }

  std::string_view name_;
  const std::vector<std::string_view>& names_;
  Budget& budget_;
  std::vector<Rational> found_;
};

// Between the candidates, next to them, and far away on both sides.
std::vector<Rational> places(const std::vector<Rational>& sorted, bool whole) {
  std::vector<Rational> out;
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

}  // namespace

bool has_kinks(const Node& node) {
  return is_kink(node) ||
         std::any_of(node.children.begin(), node.children.end(), [](const Node* n) { return has_kinks(*n); });
}

std::vector<Assignment> kink_points(const Node& a, const Node& b, Budget& budget) {
  std::vector<Assignment> out;
  const std::vector<std::string_view> names = names_of(a, b);
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    Candidates candidates(names[i], names, budget);
    candidates.add(a);
    candidates.add(b);
    for (Rational& place : places(candidates.sorted(), is_whole_name(names[i]))) {
      Assignment point;
      for (const std::string_view name : names) {
        const Evaluation at{budget, 64, is_whole_name(name) ? 3 : 1};
        point.emplace_back(name, name == names[i] ? Value(place) : named_value(name, at));
      }
      out.push_back(std::move(point));
    }
  }
  return out;
}

bool is_of_whole_numbers(const Node& a, const Node& b) {
  if (!holds_step(a) && !holds_step(b)) return false;
  const std::vector<std::string_view> names = names_of(a, b);
  return !names.empty() && std::all_of(names.begin(), names.end(), is_whole_name);
}

std::vector<Assignment> whole_points(const Node& a, const Node& b) {
  constexpr std::array<slong, 20> kValues = {1,  2,  3,  4,  5,  6,  7,   8,    9,    10,
                                             11, 12, 13, 14, 30, 97, 360, 1001, 4096, 100'003};
  const std::vector<std::string_view> names = names_of(a, b);
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
