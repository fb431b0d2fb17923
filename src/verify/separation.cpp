// u and l as logarithms, rounded up; roots are counted once for each distinct text.
#include "verify/separation.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>
#include <string>

#include "verify/evaluate.h"

namespace pope {
namespace {

constexpr long kDegree = 1024;

class Separation {
 public:
  explicit Separation(Budget& budget) : budget_(budget), at_{budget} { at_.complex = true; }

  // log2 of u and l.
  struct Bound {
    double u, l;
  };
  using Maybe = std::optional<Bound>;

  long degree() const { return roots_ * unity_; }

  Maybe of(const Node& node) {
    const Budget::Level level(budget_);
    budget_.charge(20);
    if (const std::optional<Rational> q = rational(node))
      return Bound{static_cast<double>(fmpz_bits(q->num())), static_cast<double>(fmpz_bits(q->den()))};
    switch (node.kind) {
      case NodeKind::constant:
        return node.text == "i" && unity(4) ? Maybe(Bound{0, 0}) : std::nullopt;
      case NodeKind::negate:
        return of(*node.children[0]);
      case NodeKind::sum:
        return fold(node, sum);
      case NodeKind::product:
        return fold(node, [](Bound a, Bound b) { return Bound{a.u + b.u, a.l + b.l}; });
      case NodeKind::quotient:
        return fold(node, [](Bound a, Bound b) { return Bound{a.u + b.l, a.l + b.u}; });
      case NodeKind::power:
        return power(node);
      case NodeKind::function:
        return function(node);
      default:
        return std::nullopt;
    }
  }

  static Bound sum(Bound a, Bound b) { return {std::max(a.u + b.l, a.l + b.u) + 1, a.l + b.l}; }

 private:
  std::optional<Rational> rational(const Node& node) {
    const Value value = evaluate(node, at_);
    return value.is_rational() ? std::optional(value.rational()) : std::nullopt;
  }

  template <class Rule>
  Maybe fold(const Node& node, Rule rule) {
    Maybe total = of(*node.children[0]);
    for (std::size_t i = 1; i < node.children.size() && total; ++i) {
      const Maybe next = of(*node.children[i]);
      if (!next) return std::nullopt;
      total = rule(*total, *next);
    }
    return total;
  }

  Maybe root(const Node& radicand, long index) {
    if (index < 2 || index > kDegree) return std::nullopt;
    const Maybe inner = of(radicand);
    if (!inner) return std::nullopt;
    if (seen_.insert(std::to_string(index) + " " + to_text(radicand)).second) roots_ *= index;
    if (degree() > kDegree) return std::nullopt;
    const auto k = static_cast<double>(index);
    if (inner->u >= inner->l) return Bound{(inner->u + (k - 1) * inner->l) / k + 1, inner->l};
    return Bound{inner->u, ((k - 1) * inner->u + inner->l) / k + 1};
  }

  Maybe power(const Node& node) {
    const std::optional<Rational> exponent = rational(*node.children[1]);
    if (!exponent || exponent->bits() > 40) return std::nullopt;
    const long p = fmpz_get_si(exponent->num()), q = fmpz_get_si(exponent->den());
    Maybe base = q == 1 ? of(*node.children[0]) : root(*node.children[0], q);
    if (!base) return std::nullopt;
    if (p < 0) std::swap(base->u, base->l);
    const auto times = static_cast<double>(std::labs(p));
    return Bound{times * base->u, times * base->l};
  }

  // Puts the n-th roots of unity into the field.
  bool unity(long n) {
    unity_ = std::lcm(unity_, n);
    return degree() <= kDegree;
  }

  Maybe function(const Node& node) {
    if (node.text == "sqrt") {
      if (node.children.size() == 1) return root(*node.children[0], 2);
      const std::optional<Rational> index = rational(*node.children[1]);
      if (!index || !index->is_integer() || index->bits() > 20) return std::nullopt;
      return root(*node.children[0], fmpz_get_si(index->num()));
    }
    if (node.children.size() != 1) return std::nullopt;
    // cos (p/q)π = (ζ + 1/ζ)/2 for a 2q-th root of unity ζ; sin has i besides; the others are quotients of
    // the two.
    const std::string_view f = node.text;
    const bool single = f == "sin" || f == "cos", inverse = f == "sec" || f == "csc",
               both = f == "tan" || f == "cot";
    if (!single && !inverse && !both) return std::nullopt;
    const std::optional<Rational> turn = multiple_of_pi(*node.children[0]);
    if (!turn || turn->bits() > 60 || fmpz_cmp_si(turn->den(), kDegree) > 0) return std::nullopt;
    if (!unity(std::lcm(4L, 2 * fmpz_get_si(turn->den())))) return std::nullopt;
    return both ? Bound{2, 2} : Bound{1, 1};
  }

  // r where the node is r π as it is written: "2π/3", "30°", "π - π/7".
  std::optional<Rational> multiple_of_pi(const Node& node) {
    const Budget::Level level(budget_);
    if (node.is(NodeKind::constant, "pi")) return Rational(1);
    if (node.is(NodeKind::negate)) return combine(multiple_of_pi(*node.children[0]), Rational(-1), fmpq_mul);
    if (node.is(NodeKind::quantity, "deg"))
      return combine(rational(*node.children[0]), Rational(180), fmpq_div);
    if (node.is(NodeKind::quotient)) {
      const std::optional<Rational> by = rational(*node.children[1]);
      if (!by || by->is_zero()) return std::nullopt;
      return combine(multiple_of_pi(*node.children[0]), by, fmpq_div);
    }
    if (node.is(NodeKind::sum)) {
      std::optional<Rational> total = Rational(0);
      for (const Node* child : node.children) total = combine(total, multiple_of_pi(*child), fmpq_add);
      return total;
    }
    if (!node.is(NodeKind::product)) return std::nullopt;
    std::optional<Rational> total = Rational(1);
    int turns = 0;
    for (const Node* child : node.children) {
      const std::optional<Rational> factor = rational(*child);
      turns += factor ? 0 : 1;
      total = combine(total, factor ? factor : multiple_of_pi(*child), fmpq_mul);
    }
    return turns == 1 ? total : std::nullopt;
  }

  static std::optional<Rational> combine(const std::optional<Rational>& a, const std::optional<Rational>& b,
                                         void (*operation)(fmpq_t, const fmpq_t, const fmpq_t)) {
    if (!a || !b) return std::nullopt;
    Rational out;
    operation(out.get(), a->get(), b->get());
    return out;
  }

  Budget& budget_;
  Evaluation at_;
  std::set<std::string> seen_;  // roots that D holds already
  long roots_ = 1, unity_ = 1;
};

}  // namespace

std::optional<long> separation_bits(const Node& a, const Node& b, long most, Budget& budget) {
  Separation separation(budget);
  const Separation::Maybe x = separation.of(a);
  if (!x) return std::nullopt;
  const Separation::Maybe y = separation.of(b);
  if (!y) return std::nullopt;
  const Separation::Bound d = Separation::sum(*x, *y);
  const double bits = d.u * static_cast<double>(separation.degree() - 1) + d.l + 2;
  if (!(bits <= static_cast<double>(most))) return std::nullopt;
  return std::lround(std::ceil(bits));
}

}  // namespace pope
