// Equations, inequalities, and answers that name what they give ("x = 5" for 5, "x > 3" for (3, ∞)).
#include <algorithm>
#include <array>
#include <utility>

#include "core/chars.h"
#include "verify/match.h"
#include "verify/series.h"

namespace pope {
namespace {

bool is_inequality(const Node& node) {
  return node.is(NodeKind::relation) && node.text.find_first_not_of("<>lg") == std::string_view::npos;
}
bool is_equation(const Node& node) {
  return node.is(NodeKind::relation) && node.text.find_first_not_of("=q") == std::string_view::npos;
}

bool has_value(const Node& node) {
  switch (node.kind) {
    case NodeKind::tuple:
    case NodeKind::set:
    case NodeKind::list:
    case NodeKind::relation:
    case NodeKind::set_operation:
    case NodeKind::modular:
    case NodeKind::matrix:
    case NodeKind::text:
    case NodeKind::infinity:
    case NodeKind::base_n:
    case NodeKind::quantity:
      return false;
    default:
      return true;
  }
}

// "f(x)" → "x": the variable of a definition, when it is one letter.
std::string_view defined_variable(const Node& node) {
  if (!node.is(NodeKind::variable) || node.text.size() < 4 || !node.text.ends_with(')')) return {};
  const std::string_view text = node.text;
  const std::size_t open = text.find('(');
  return open != std::string_view::npos && text.size() == open + 3 ? text.substr(open + 1, 1)
                                                                   : std::string_view{};
}

// "P(X = 2)", "P(A ∩ B)": a letter before brackets that hold no value.
bool is_application(const Node& node) {
  return node.children.size() == 2 && node.children[0]->is(NodeKind::variable) &&
         (node.children[1]->is(NodeKind::relation) || node.children[1]->is(NodeKind::set_operation));
}

// Functions of names that an answer may give the value of: \sin A, \gcd(a, b).
bool names_function(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNaming = {"abs", "sin", "cos", "tan", "cot",
                                                        "gcd", "lcm", "max", "min", "arg"};
  return std::find(kNaming.begin(), kNaming.end(), name) != kNaming.end();
}

// "a+b+c", "f(1)+f(2)", "AB+BC": a sum that an answer gives the value of. Of coordinates it would be a line.
bool is_sum_of_names(const Node& node) {
  if (!node.is(NodeKind::sum)) return false;
  return std::all_of(node.children.begin(), node.children.end(), [](const Node* n) {
    const bool segment = n->is(NodeKind::product) && n->children.size() == 2 &&
                         std::all_of(n->children.begin(), n->children.end(), [](const Node* c) {
                           return c->is(NodeKind::variable) && c->text.size() == 1 && is_upper(c->text[0]);
                         });
    return segment || (n->is(NodeKind::variable) && n->text != "x" && n->text != "y" && n->text != "z");
  });
}

}  // namespace

bool is_bounded_name(const Node& node) {
  return !node.is(NodeKind::function) && is_name(node) &&
         std::all_of(node.children.begin(), node.children.end(),
                     [](const Node* n) { return is_bounded_name(*n); });
}

// |x| of one real variable.
bool is_absolute(const Node& node) {
  return node.is(NodeKind::function, "abs") && node.children[0]->is(NodeKind::variable) &&
         node.children[0]->text != "z" && node.children[0]->text != "w";
}

// What a chain bounds, "x" of 1 < x < 2 and of |x| < 3. "" when nothing can be told.
std::string bounded_name(const Node& relation) {
  for (const Node* part : relation.children) {
    if (is_absolute(*part)) return std::string(part->children[0]->text);
    if (is_bounded_name(*part)) return to_text(*part);
  }
  return "";
}

bool is_name(const Node& node) {
  switch (node.kind) {
    case NodeKind::variable:
    case NodeKind::text:
    case NodeKind::constant:
      return true;
    case NodeKind::product:
      if (is_application(node)) return true;
      [[fallthrough]];
    case NodeKind::quotient:
    case NodeKind::ratio:
    case NodeKind::tuple:
    case NodeKind::list:
    case NodeKind::set:
      return std::all_of(node.children.begin(), node.children.end(),
                         [](const Node* n) { return is_name(*n); });
    case NodeKind::function:
      return names_function(node.text) &&
             std::all_of(node.children.begin(), node.children.end(), [](const Node* n) {
               return is_name(*n) ||
                      (n->is(NodeKind::sum) && std::all_of(n->children.begin(), n->children.end(),
                                                           [](const Node* c) { return is_name(*c); }));
             });
    case NodeKind::series:
      return is_valueless(node);
    case NodeKind::quantity:
      return is_name(*node.children[0]);
    default:
      return false;
  }
}

// A relation against something else: the value that it gives a name.
Truth Matcher::relation_against(Node* relation, Node* other) {
  if (is_inequality(*relation)) {
    Node* range = interval(*relation);
    const bool set = other->is(NodeKind::tuple) || other->is(NodeKind::set_operation);
    return range && set ? equal(range, other) : differ("an inequality against a value");
  }
  Node *first = relation->children.front(), *last = relation->children.back();
  if (relation->text == "e" && is_name(*first)) return equal(last, other);
  if (!is_equation(*relation)) return differ("answers of two kinds");
  if (relation->children.size() == 2 && is_name(*last) && !is_name(*first)) return equal(first, other);
  // "x = 5 + 6 = 11", "5 + 6 = 11": all steps must agree.
  for (std::size_t i = 0; i + 1 < relation->children.size(); ++i) {
    Node* step = relation->children[i];
    if (is_name(*step) || (i == 0 && is_sum_of_names(*step))) continue;
    if (const Truth same = equal(step, last); same != Truth::yes)
      return same == Truth::no ? differ("an equation against a value") : same;
  }
  return equal(last, other);
}

Truth Matcher::relations(Node* a, Node* b) {
  const auto membership = [](const Node& node) { return node.text == "e" && is_name(*node.children[0]); };
  if (membership(*a) != membership(*b))
    return membership(*a) ? equal(a->children[1], b) : equal(a, b->children[1]);
  if (is_equation(*a) && is_equation(*b)) return equations(a, b);
  if (is_inequality(*a) && is_inequality(*b)) {
    Node *x = interval(*a), *y = interval(*b);  // |x| < 3 and -3 < x < 3
    if (x && y && x->kind == y->kind && a->text.size() != b->text.size() &&
        bounded_name(*a) == bounded_name(*b))
      return equal(x, y);
    return inequalities(a, b);
  }
  if (a->text == "n" && b->text == "n" && has_value(*a->children[0]) && has_value(*b->children[0]))
    return relations_equal(*a->children[0], *a->children[1], *b->children[0], *b->children[1], false,
                           arena_.budget())
        .equal;
  if (a->text != b->text) return differ("relation signs");
  return one_by_one(*a, *b);
}

Truth Matcher::equations(Node* a, Node* b) {
  Node *left_a = a->children.front(), *right_a = a->children.back();
  Node *left_b = b->children.front(), *right_b = b->children.back();
  const std::string_view variable_a = defined_variable(*left_a), variable_b = defined_variable(*left_b);
  const auto mentions = [](const auto& self, const Node& node, std::string_view name) -> bool {
    return node.is(NodeKind::variable, name) ||
           std::any_of(node.children.begin(), node.children.end(),
                       [&](const Node* n) { return self(self, *n, name); });
  };
  if (!variable_a.empty() && !variable_b.empty() && variable_a != variable_b &&
      !mentions(mentions, *right_b, variable_a) &&
      left_a->text.substr(0, left_a->text.find('(')) == left_b->text.substr(0, left_b->text.find('('))) {
    right_b = renamed(*right_b, variable_b, variable_a, arena_);  // f(y) = y defines what f(x) = x does
    left_b = left_a;
  }
  if (to_text(*left_a) == to_text(*left_b)) {
    const Truth same = equal(right_a, right_b);
    if (same == Truth::yes || is_name(*left_a)) return same;
  }
  if (!has_value(*left_a) || !has_value(*right_a) || !has_value(*left_b) || !has_value(*right_b)) {
    const Truth left = equal(left_a, left_b);
    return left == Truth::yes ? equal(right_a, right_b) : left;
  }
  const Comparison same = relations_equal(*left_a, *right_a, *left_b, *right_b, false, arena_.budget());
  if (same.equal == Truth::yes) ground_ = std::max(ground_, same.ground);
  return same.equal;
}

// "x = 1, y = 2" beside "(1, 2)" or "(x, y) = (1, 2)": its values in their order, or null. The names count
// where the other answer gives them too.
Node* Matcher::named_point(const Node& list, const Node& other) {
  const bool named = other.is(NodeKind::relation, "=") && other.children[0]->is(NodeKind::tuple, "()");
  if (!list.is(NodeKind::list) || list.text == "|" || (!other.is(NodeKind::tuple, "()") && !named))
    return nullptr;
  Node* names = make(NodeKind::tuple, "()", {});
  Node* values = make(NodeKind::tuple, "()", {});
  for (const Node* item : list.children) {
    if (!item->is(NodeKind::relation, "=") || !item->children[0]->is(NodeKind::variable)) return nullptr;
    for (const Node* earlier : names->children)
      if (earlier->text == item->children[0]->text) return nullptr;
    names->children.push_back(item->children[0]);
    values->children.push_back(item->children[1]);
  }
  return named ? make(NodeKind::relation, "=", {names, values}) : values;
}

// The range of the one variable that a chain bounds by constants; a union for |x| > 3. Null otherwise.
Node* Matcher::interval(const Node& relation) {
  const auto sign_open = [](char sign) { return sign == '<' || sign == '>'; };
  const auto upwards = [](char sign) { return sign == '<' || sign == 'l'; };
  const auto& parts = relation.children;
  Node *low = nullptr, *high = nullptr;
  bool low_open = true, high_open = true;
  if (parts.size() == 3 && is_bounded_name(*parts[1]) &&
      upwards(relation.text[0]) == upwards(relation.text[1])) {
    const bool up = upwards(relation.text[0]);
    low = parts[up ? 0 : 2];
    high = parts[up ? 2 : 0];
    low_open = sign_open(relation.text[up ? 0 : 1]);
    high_open = sign_open(relation.text[up ? 1 : 0]);
  } else if (parts.size() == 2) {
    const auto bounded = [](const Node& node) { return is_bounded_name(node) || is_absolute(node); };
    const bool name_first = bounded(*parts[0]) && !has_variables(*parts[1]);
    if (!name_first && (!bounded(*parts[1]) || has_variables(*parts[0]))) return nullptr;
    const bool absolute = is_absolute(*parts[name_first ? 0 : 1]);
    Node* bound = parts[name_first ? 1 : 0];
    Node* infinity = make(NodeKind::infinity, "", {});
    const bool open = sign_open(relation.text[0]);
    if (absolute && name_first == upwards(relation.text[0])) {
      low = make(NodeKind::negate, "", {bound});
      high = bound;
      low_open = high_open = open;
    } else if (absolute) {
      Node* left = make(NodeKind::tuple, open ? "()" : "(]",
                        {make(NodeKind::negate, "", {infinity}), make(NodeKind::negate, "", {bound})});
      return make(NodeKind::set_operation, "cup",
                  {left, make(NodeKind::tuple, open ? "()" : "[)", {bound, infinity})});
    } else if (name_first == upwards(relation.text[0])) {
      low = make(NodeKind::negate, "", {infinity});
      high = bound;
      high_open = open;
    } else {
      low = bound;
      high = infinity;
      low_open = open;
    }
  } else {
    return nullptr;
  }
  const char brackets[2] = {low_open ? '(' : '[', high_open ? ')' : ']'};
  return make(NodeKind::tuple, std::string_view(brackets, 2), {low, high});
}

// "x < a or x > b" as a union.
Node* Matcher::interval_union(Node* node) {
  if (!node->is(NodeKind::list) || node->text == "&") return nullptr;
  Node* pieces = make(NodeKind::set_operation, "cup", {});
  for (Node* item : node->children) {
    if (item->is(NodeKind::tuple) && item->children.size() == 2) {  // "(-∞, 0) or (1, ∞)"
      pieces->children.push_back(item);
      continue;
    }
    if (!is_inequality(*item)) return nullptr;
    Node* range = interval(*item);
    if (!range || !range->is(NodeKind::tuple)) return nullptr;
    pieces->children.push_back(range);
  }
  return pieces;
}

std::vector<Matcher::Bounded> Matcher::bounds(const Node& relation) {
  std::vector<Bounded> out;
  for (std::size_t i = 0; i + 1 < relation.children.size(); ++i) {
    const char sign = relation.text[i];
    Node *left = relation.children[i], *right = relation.children[i + 1];
    if (sign == '>' || sign == 'g') std::swap(left, right);
    out.push_back({left, right, sign == '<' || sign == '>'});
  }
  return out;
}

Truth Matcher::inequalities(Node* a, Node* b) {
  const std::vector<Bounded> x = bounds(*a);
  std::vector<Bounded> y = bounds(*b);
  if (x.size() != y.size()) return differ("inequalities of different length");
  Truth all = Truth::yes;
  for (const Bounded& one : x) {
    Truth found = Truth::no;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const Bounded other = y[i];
      if (one.strict != other.strict) continue;
      Truth same = Truth::no;
      if (has_value(*one.left) && has_value(*one.right) && has_value(*other.left) &&
          has_value(*other.right)) {
        same = relations_equal(*one.left, *one.right, *other.left, *other.right, true, arena_.budget()).equal;
        if (same == Truth::yes) ground_ = std::max(ground_, Ground::points);
      } else if (equal(one.left, other.left) == Truth::yes) {
        same = equal(one.right, other.right);
      }
      if (same == Truth::no) continue;
      found = same;
      y.erase(y.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
    if (found == Truth::no) return Truth::no;
    if (found == Truth::unknown) all = Truth::unknown;
  }
  return all;
}

}  // namespace pope
