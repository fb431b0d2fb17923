// Values of sums and products term by term, and what stands for what has no value.
#include "verify/series.h"

#include <algorithm>
#include <array>
#include <string>

namespace pope {
namespace {

// The value of a bound variable, for as long as this lives.
class Binding {
 public:
  Binding(Evaluation& at, std::string_view name, Value value) : at_(at) {
    at_.bound.emplace_back(name, std::move(value));
  }
  ~Binding() { at_.bound.pop_back(); }
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

 private:
  Evaluation& at_;
};

bool is_whole(const Value& value) { return value.is_rational() && value.rational().is_integer(); }

// Nothing below the empty sum: a closed form goes on there, \sum does not.
Value finite(const Node& node, Evaluation& at) {
  const Value lower = evaluate(*node.children[2], at), upper = evaluate(*node.children[3], at);
  if (!is_whole(lower) || !is_whole(upper)) return {};
  const bool product = node.text == "prod";
  Value total(Rational(product ? 1 : 0));
  Rational k(lower.rational());
  const fmpz* last = upper.rational().num();
  fmpz_sub_ui(k.num(), k.num(), 1);
  if (fmpz_cmp(k.num(), last) > 0) return {};
  while (fmpz_cmp(k.num(), last) < 0 && total.defined()) {
    fmpz_add_ui(k.num(), k.num(), 1);
    at.budget.charge(16);
    const Binding binding(at, node.children[1]->text, Value(k));
    const Value term = evaluate(*node.children[0], at);
    total = product ? multiply(total, term, at) : add(total, term, at);
  }
  return total;
}

Value without_value(const Node& node, Evaluation& at) {
  if (!at.linear || node.children[1]->text.empty()) return named_value(to_text(node), at);
  std::string name(node.text);  // with the bounds
  for (std::size_t i = 2; i < node.children.size(); ++i) name += "," + to_text(*node.children[i]);
  const Binding binding(at, node.children[1]->text, named_value("\\term", at));
  const Value term = evaluate(*node.children[0], at);
  Value value = multiply(named_value(name, at), term, at);
  const int power = node.text.starts_with("prod") ? 2 + at.point % 5 : 1;  // \prod 2k is 2^n \prod k
  for (int i = 1; i < power; ++i) value = multiply(value, term, at);
  return value;
}

bool is_infinite(const Node& node) {
  return node.is(NodeKind::infinity) || (node.is(NodeKind::negate) && is_infinite(*node.children[0]));
}

bool is_operator_name(const Node& node) {
  constexpr std::array<std::string_view, 7> kNames = {"\\sum",  "\\prod", "\\int",  "\\lim",
                                                      "\\oint", "\\iint", "\\iiint"};
  return node.is(NodeKind::variable) && std::any_of(kNames.begin(), kNames.end(), [&](std::string_view name) {
           return node.text.starts_with(name);
         });
}

}  // namespace

bool is_valueless(const Node& node) {
  if (!node.is(NodeKind::series)) return false;
  return node.children.size() == 2 || is_infinite(*node.children[2]) || is_infinite(*node.children[3]);
}

bool holds_valueless(const Node& node) {
  return is_valueless(node) || is_operator_name(node) ||
         std::any_of(node.children.begin(), node.children.end(),
                     [](const Node* n) { return holds_valueless(*n); });
}

int count_valueless(const Node& node) {
  int count = is_valueless(node) ? 1 : 0;
  for (const Node* child : node.children) count += count_valueless(*child);
  return count;
}

Value evaluate_series(const Node& node, Evaluation& at) {
  Value value = node.children.size() == 4 ? finite(node, at) : Value();
  return value.defined() || !at.opaque || !is_valueless(node) ? value : without_value(node, at);
}

}  // namespace pope
