// First both answers become trees of intervals, then their bounds are put in order, then each is the cells it
// holds.
#include "verify/real_set.h"

#include <algorithm>
#include <array>
#include <utility>

#include "verify/evaluate.h"
#include "verify/relations.h"

namespace pope {
namespace {

constexpr std::size_t kMostBounds = 64;

int infinite_sign(const Node& node) {
  if (node.is(NodeKind::infinity)) return 1;
  if (node.is(NodeKind::negate)) return -infinite_sign(*node.children[0]);
  return 0;
}

bool is_range_sign(char sign) { return std::string_view("<>lgneo").find(sign) != std::string_view::npos; }
bool is_constant(const Node& node) {
  switch (node.kind) {
    case NodeKind::number:
    case NodeKind::constant:
      return !node.is(NodeKind::constant, "i");
    case NodeKind::sum:
    case NodeKind::product:
    case NodeKind::quotient:
    case NodeKind::power:
    case NodeKind::negate:
    case NodeKind::function:
      return std::all_of(node.children.begin(), node.children.end(),
                         [](const Node* n) { return is_constant(*n); });
    default:
      return false;
  }
}

// The names that stand in a tree.
void add_names(const Node& node, std::vector<std::string_view>& names) {
  if (node.is(NodeKind::variable) && std::find(names.begin(), names.end(), node.text) == names.end())
    names.push_back(node.text);
  for (const Node* child : node.children) add_names(*child, names);
}

char turned(char sign) {
  switch (sign) {
    case '<':
      return '>';
    case '>':
      return '<';
    case 'l':
      return 'g';
    case 'g':
      return 'l';
    default:
      return sign;
  }
}

}  // namespace

bool is_region(const Node& node) {
  if (node.is(NodeKind::relation)) return std::any_of(node.text.begin(), node.text.end(), is_range_sign);
  if (node.is(NodeKind::list))
    return std::any_of(node.children.begin(), node.children.end(),
                       [](const Node* n) { return is_region(*n); });
  return node.is(NodeKind::set_operation) || node.is(NodeKind::variable, "\\mathbb{R}");
}

bool RealSets::takes_name(const std::string& name) {
  if (name_.empty()) name_ = name;
  return name_ == name;
}

std::optional<RealSets::Set> RealSets::point(const Node& value) {
  if (!is_constant(value)) return std::nullopt;
  Node* bound = const_cast<Node*>(&value);
  return Set{Kind::interval, bound, bound, false, false, {}};
}

std::optional<RealSets::Set> RealSets::read(const Node& node) {
  const Budget::Level level(arena_.budget());
  switch (node.kind) {
    case NodeKind::tuple:
      return interval(node);
    case NodeKind::set:
    case NodeKind::list:
      return list(node);
    case NodeKind::set_operation:
      return operation(node);
    case NodeKind::relation:
      return relation(node);
    case NodeKind::variable:
      if (node.text == "\\mathbb{R}") return Set{Kind::all, nullptr, nullptr, true, true, {}};
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<RealSets::Set> RealSets::interval(const Node& node) {
  if (node.children.size() != 2 || node.text.size() != 2) return std::nullopt;
  Set set{Kind::interval, node.children[0], node.children[1], node.text[0] == '(', node.text[1] == ')', {}};
  if (infinite_sign(*set.low) < 0) {
    set.low = nullptr;
  } else if (!is_constant(*set.low)) {
    return std::nullopt;
  }
  if (infinite_sign(*set.high) > 0) {
    set.high = nullptr;
  } else if (!is_constant(*set.high)) {
    return std::nullopt;
  }
  return set;
}

// "x < 1 or x = 3", "x > 1, x ≠ 2, 3", "{1, 2}".
std::optional<RealSets::Set> RealSets::list(const Node& node) {
  Set set;
  bool ranges = true;
  for (const Node* child : node.children) {
    const bool value = is_constant(*child);
    std::optional<Set> part = value ? point(*child) : read(*child);
    if (!part) return std::nullopt;
    const bool excluded = value && !set.parts.empty() && set.parts.back().kind == Kind::subtract;
    if (value && !excluded && is_region(node)) return std::nullopt;  // "x > 3, 5": two answers
    if (excluded)
      part =
          Set{Kind::subtract, nullptr, nullptr, true, true, {Set{Kind::all, {}, {}, true, true, {}}, *part}};
    ranges = ranges && (excluded || (is_region(*child) && !child->is(NodeKind::set_operation)));
    set.parts.push_back(std::move(*part));
  }
  if (!node.is(NodeKind::list)) return set;
  const bool solutions = std::all_of(node.children.begin(), node.children.end(), [](const Node* n) {
    return n->is(NodeKind::relation, "=") || is_constant(*n);
  });
  if (node.text == "&" && !solutions) set.kind = Kind::intersect;
  if (node.text.empty() && ranges) set.kind = Kind::comma;
  return set;
}

std::optional<RealSets::Set> RealSets::operation(const Node& node) {
  Set set;
  set.kind = node.text == "cup" ? Kind::unite : node.text == "cap" ? Kind::intersect : Kind::subtract;
  for (const Node* child : node.children) {
    std::optional<Set> part = read(*child);
    if (!part) return std::nullopt;
    set.parts.push_back(std::move(*part));
  }
  return set;
}

std::optional<RealSets::Set> RealSets::relation(const Node& node) {
  if (node.text == "e" || node.text == "o") {
    const Node &left = *node.children[0], &right = *node.children[1];
    if (!left.is(NodeKind::variable) || !takes_name(std::string(left.text))) return std::nullopt;
    std::optional<Set> set = read(right);
    if (!set || node.text == "e") return set;
    return Set{Kind::subtract, nullptr, nullptr,
               true,           true,    {Set{Kind::all, {}, {}, true, true, {}}, std::move(*set)}};
  }
  if (node.text.find_first_not_of("<>lgn=") != std::string_view::npos || node.children.size() > 3)
    return std::nullopt;
  if (node.children.size() == 3 && node.text.find_first_of("n=") != std::string_view::npos)
    return std::nullopt;
  Set set;
  set.kind = Kind::intersect;
  for (std::size_t i = 0; i + 1 < node.children.size(); ++i) {
    std::optional<Set> part = condition(*node.children[i], node.text[i], *node.children[i + 1]);
    if (!part) return std::nullopt;
    set.parts.push_back(std::move(*part));
  }
  return set.parts.size() == 1 ? std::move(set.parts[0]) : set;
}

// |g| < c as -c < g < c, and so on; else as it stands.
std::optional<RealSets::Set> RealSets::condition(const Node& left, char sign, const Node& right) {
  if (right.is(NodeKind::function, "abs") && is_constant(left)) return condition(right, turned(sign), left);
  if (!left.is(NodeKind::function, "abs") || !is_constant(right)) return against(left, sign, right);
  const Node& inner = *left.children[0];
  if (inner.is(NodeKind::variable, "z") || inner.is(NodeKind::variable, "w")) return std::nullopt;  // complex
  const Node* opposite = make(NodeKind::negate, "", {const_cast<Node*>(&right)});
  std::optional<Set> one = against(inner, sign, right), other = against(inner, turned(sign), *opposite);
  if (!one || !other) return std::nullopt;
  const bool inside = sign == '<' || sign == 'l' || sign == 'n';
  return Set{inside ? Kind::intersect : Kind::unite, nullptr, nullptr, true, true,
             {std::move(*one), std::move(*other)}};
}

std::optional<RealSets::Set> RealSets::against(const Node& left, char sign, const Node& right) {
  const std::optional<Root> found = root(left, right);
  if (!found) return std::nullopt;
  if (!found->rising) sign = turned(sign);
  Node* value = found->value;
  switch (sign) {
    case '<':
    case 'l':
      return Set{Kind::interval, nullptr, value, true, sign == '<', {}};
    case '>':
    case 'g':
      return Set{Kind::interval, value, nullptr, sign == '>', true, {}};
    case '=':
      return Set{Kind::interval, value, value, false, false, {}};
    default:
      return Set{
          Kind::subtract,
          nullptr,
          nullptr,
          true,
          true,
          {Set{Kind::all, {}, {}, true, true, {}}, Set{Kind::interval, value, value, false, false, {}}}};
  }
}

// Where left = right, both linear in one variable; rising where left - right does.
std::optional<RealSets::Root> RealSets::root(const Node& left, const Node& right) {
  const bool constant_left = is_constant(left), constant_right = is_constant(right);
  if (constant_left && constant_right) return std::nullopt;
  const Node &name = constant_right ? left : right, &value = constant_right ? right : left;
  if ((constant_left || constant_right) && is_bounded_name(name)) {
    if (!takes_name(to_text(name))) return std::nullopt;
    return Root{const_cast<Node*>(&value), constant_right};
  }
  std::vector<std::string_view> names;
  add_names(left, names);
  add_names(right, names);
  if (names.size() != 1 || !takes_name(std::string(names[0]))) return std::nullopt;
  const auto at = [&](std::string_view x) {
    return difference(with_value(left, names[0], x), with_value(right, names[0], x));
  };
  Node *zero = at("0"), *one = at("1"), *slope = difference(one, zero);
  if (!is_constant(*slope)) return std::nullopt;
  for (const char* x : {"2", "7"}) {  // linear where d(x) = d(0) + x (d(1) - d(0))
    Node* line =
        make(NodeKind::sum, "", {zero, make(NodeKind::product, "", {make(NodeKind::number, x), slope})});
    if (expressions_equal(*at(x), *line, arena_.budget()).equal != Truth::yes) return std::nullopt;
  }
  const std::optional<int> sign = order(*slope, *make(NodeKind::number, "0"));
  if (!sign || *sign == 0) return std::nullopt;
  Node* bound = make(NodeKind::quotient, "", {make(NodeKind::negate, "", {zero}), slope});
  return Root{bound, *sign > 0};
}

Node* RealSets::with_value(const Node& node, std::string_view name, std::string_view value) {
  if (node.is(NodeKind::variable, name)) return make(NodeKind::number, value);
  Node* copy = make(node.kind, node.text);
  for (const Node* child : node.children) copy->children.push_back(with_value(*child, name, value));
  return copy;
}

// -1, 0, 1 as a is below, at or above b; nothing where neither is found.
std::optional<int> RealSets::order(const Node& a, const Node& b) {
  const Comparison same = expressions_equal(a, b, arena_.budget());
  if (same.equal == Truth::unknown) return std::nullopt;
  if (same.equal == Truth::yes) {
    ground_ = std::max(ground_, same.ground);
    return 0;
  }
  for (const slong precision : {64, 256, 1024, 4096}) {
    Evaluation at{arena_.budget(), precision};
    const Value d = subtract(evaluate(a, at), evaluate(b, at), at);
    if (!d.defined()) continue;
    if (d.is_rational()) return d.rational().sign();
    if (d.is_nonzero() && d.ball().is_real()) return arb_is_positive(d.ball().re()) != 0 ? 1 : -1;
  }
  return std::nullopt;
}

bool RealSets::add_bound(Node* bound) {
  std::size_t i = 0;
  for (; i < bounds_.size(); ++i) {
    const std::optional<int> sign = order(*bound, *bounds_[i].value);
    if (!sign) return false;
    if (*sign == 0) {
      bounds_[i].same.push_back(bound);
      return true;
    }
    if (*sign < 0) break;
  }
  if (bounds_.empty() && !order(*bound, *bound)) return false;  // no real number
  bounds_.insert(bounds_.begin() + static_cast<std::ptrdiff_t>(i), Bound{bound, {bound}});
  return bounds_.size() <= kMostBounds;
}

bool RealSets::add_bounds(const Set& set) {
  if (set.low && !add_bound(set.low)) return false;
  if (set.high && set.high != set.low && !add_bound(set.high)) return false;
  return std::all_of(set.parts.begin(), set.parts.end(), [&](const Set& part) { return add_bounds(part); });
}

std::size_t RealSets::place(const Node* bound) const {
  for (std::size_t i = 0; i < bounds_.size(); ++i)
    if (std::find(bounds_[i].same.begin(), bounds_[i].same.end(), bound) != bounds_[i].same.end())
      return 2 * i + 1;
  return 0;
}

RealSets::Cells RealSets::cells(const Set& set) {
  const std::size_t size = 2 * bounds_.size() + 1;
  if (set.kind == Kind::all) return Cells(size, true);
  if (set.kind == Kind::interval) {
    Cells out(size, false);
    const std::size_t from = set.low ? place(set.low) + (set.low_open ? 1 : 0) : 0;
    const std::size_t end = set.high ? place(set.high) + (set.high_open ? 0 : 1) : size;
    for (std::size_t i = from; i < end; ++i) out[i] = true;
    return out;
  }
  const bool meets = set.kind == Kind::intersect || set.kind == Kind::comma;
  Cells out(size, meets);
  std::vector<Cells> parts;
  for (std::size_t p = 0; p < set.parts.size(); ++p) {
    const Cells part = cells(set.parts[p]);
    if (set.kind == Kind::comma && set.parts[p].kind != Kind::all) parts.push_back(part);
    for (std::size_t i = 0; i < size; ++i) {
      if (set.kind == Kind::subtract) {
        out[i] = p == 0 ? part[i] : out[i] && !part[i];
      } else {
        out[i] = meets ? out[i] && part[i] : out[i] || part[i];
      }
    }
  }
  const bool empty = std::find(out.begin(), out.end(), true) == out.end();
  if (set.kind == Kind::comma && empty) {  // "x < 1, x > 3" are two pieces
    Set either = set;
    either.kind = Kind::unite;
    return cells(either);
  }
  // "x > 3, x > 5" may be two answers.
  if (parts.size() > 1 && std::find(parts.begin(), parts.end(), out) != parts.end()) ambiguous_ = true;
  return out;
}

std::optional<bool> RealSets::equal(const Node& a, const Node& b) {
  const std::optional<Set> x = read(a);
  if (!x) return std::nullopt;
  const std::string name = std::exchange(name_, "");
  const std::optional<Set> y = read(b);
  if (!y || !add_bounds(*x) || !add_bounds(*y)) return std::nullopt;
  if (!name.empty() && !name_.empty() && name != name_) return false;
  const auto reversed = [&](const auto& self, const Set& set) -> bool {  // "2 < x < 1" is no interval
    const bool here = set.low && set.high && set.low != set.high && place(set.low) > place(set.high);
    return here ||
           std::any_of(set.parts.begin(), set.parts.end(), [&](const Set& part) { return self(self, part); });
  };
  if (reversed(reversed, *x) || reversed(reversed, *y)) return false;
  const bool same = cells(*x) == cells(*y);
  return ambiguous_ ? std::nullopt : std::optional(same);
}

}  // namespace pope
