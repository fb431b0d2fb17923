// See relations.h.
#include "verify/relations.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/chars.h"
#include "verify/evaluate.h"
#include "verify/series.h"

namespace pope {
namespace {

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

// |x| of one real variable.
bool is_absolute(const Node& node) {
  return node.is(NodeKind::function, "abs") && node.children[0]->is(NodeKind::variable) &&
         node.children[0]->text != "z" && node.children[0]->text != "w";
}

}  // namespace

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

bool is_bounded_name(const Node& node) {
  return !node.is(NodeKind::function) && is_name(node) &&
         std::all_of(node.children.begin(), node.children.end(),
                     [](const Node* n) { return is_bounded_name(*n); });
}

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

std::string_view defined_variable(const Node& node) {
  if (!node.is(NodeKind::variable) || node.text.size() < 4 || !node.text.ends_with(')')) return {};
  const std::string_view text = node.text;
  const std::size_t open = text.find('(');
  return open != std::string_view::npos && text.size() == open + 3 ? text.substr(open + 1, 1)
                                                                   : std::string_view{};
}

std::string bounded_name(const Node& relation) {
  for (const Node* part : relation.children) {
    if (is_absolute(*part)) return std::string(part->children[0]->text);
    if (is_bounded_name(*part)) return to_text(*part);
  }
  return "";
}

Node* named_point(const Node& list, const Node& other, Arena& arena) {
  const bool named = other.is(NodeKind::relation, "=") && other.children[0]->is(NodeKind::tuple, "()");
  if (!list.is(NodeKind::list) || list.text == "|" || (!other.is(NodeKind::tuple, "()") && !named))
    return nullptr;
  Node* names = arena.make(NodeKind::tuple, "()", {});
  Node* values = arena.make(NodeKind::tuple, "()", {});
  for (const Node* item : list.children) {
    if (!item->is(NodeKind::relation, "=") || !item->children[0]->is(NodeKind::variable)) return nullptr;
    for (const Node* earlier : names->children)
      if (earlier->text == item->children[0]->text) return nullptr;
    names->children.push_back(item->children[0]);
    values->children.push_back(item->children[1]);
  }
  return named ? arena.make(NodeKind::relation, "=", {names, values}) : values;
}

Node* interval_of(const Node& relation, Arena& arena) {
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
    Node* infinity = arena.make(NodeKind::infinity, "", {});
    const bool open = sign_open(relation.text[0]);
    if (absolute && name_first == upwards(relation.text[0])) {
      low = arena.make(NodeKind::negate, "", {bound});
      high = bound;
      low_open = high_open = open;
    } else if (absolute) {
      Node* left = arena.make(
          NodeKind::tuple, open ? "()" : "(]",
          {arena.make(NodeKind::negate, "", {infinity}), arena.make(NodeKind::negate, "", {bound})});
      return arena.make(NodeKind::set_operation, "cup",
                        {left, arena.make(NodeKind::tuple, open ? "()" : "[)", {bound, infinity})});
    } else if (name_first == upwards(relation.text[0])) {
      low = arena.make(NodeKind::negate, "", {infinity});
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
  return arena.make(NodeKind::tuple, std::string_view(brackets, 2), {low, high});
}

Node* interval_union(const Node& node, Arena& arena) {
  if (!node.is(NodeKind::list) || node.text == "&") return nullptr;
  Node* pieces = arena.make(NodeKind::set_operation, "cup", {});
  for (Node* item : node.children) {
    if (item->is(NodeKind::tuple) && item->children.size() == 2) {  // "(-∞, 0) or (1, ∞)"
      pieces->children.push_back(item);
      continue;
    }
    if (!is_inequality(*item)) return nullptr;
    Node* range = interval_of(*item, arena);
    if (!range || !range->is(NodeKind::tuple)) return nullptr;
    pieces->children.push_back(range);
  }
  return pieces;
}

std::vector<Bound> bounds_of(const Node& relation) {
  std::vector<Bound> out;
  for (std::size_t i = 0; i + 1 < relation.children.size(); ++i) {
    const char sign = relation.text[i];
    Node *left = relation.children[i], *right = relation.children[i + 1];
    if (sign == '>' || sign == 'g') std::swap(left, right);
    out.push_back({left, right, sign == '<' || sign == '>'});
  }
  return out;
}

}  // namespace pope
