// See match.h.
#include "verify/match.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "verify/evaluate.h"
#include "verify/real_set.h"
#include "verify/relations.h"
#include "verify/units.h"
#include "verify/words.h"

namespace pope {
namespace {

bool is_expression(const Node& node) {
  switch (node.kind) {
    case NodeKind::number:
    case NodeKind::variable:
    case NodeKind::constant:
    case NodeKind::sum:
    case NodeKind::product:
    case NodeKind::quotient:
    case NodeKind::power:
    case NodeKind::negate:
    case NodeKind::function:
    case NodeKind::series:
    case NodeKind::quantity:
      return true;
    default:
      return false;
  }
}

// 1 for ∞, -1 for -∞, 0 for anything else.
int infinite_sign(const Node& node) {
  if (node.is(NodeKind::infinity)) return 1;
  if (node.is(NodeKind::negate)) return -infinite_sign(*node.children[0]);
  return 0;
}

bool is_collection(const Node& node) {
  return node.is(NodeKind::set) || node.is(NodeKind::list) ||
         (has_plus_minus(node) && !node.is(NodeKind::tuple));
}

bool holds_matrix(const Node& node) {
  return node.is(NodeKind::matrix, "matrix") ||
         ((node.is(NodeKind::sum) || node.is(NodeKind::product) || node.is(NodeKind::negate)) &&
          std::any_of(node.children.begin(), node.children.end(),
                      [](const Node* n) { return holds_matrix(*n); }));
}

bool is_real_line(const Node& node) {
  if (node.is(NodeKind::variable)) return node.text == "\\mathbb{R}";
  return node.is(NodeKind::tuple, "()") && node.children.size() == 2 &&
         infinite_sign(*node.children[0]) < 0 && infinite_sign(*node.children[1]) > 0;
}

// "x = 1 or x = 2": equations that give one name its values.
bool is_solutions(const Node& node) {
  return node.is(NodeKind::list) &&
         std::all_of(node.children.begin(), node.children.end(), [&](const Node* n) {
           return n->is(NodeKind::relation, "=") && n->children[0]->is(NodeKind::variable) &&
                  n->children[0]->text == node.children[0]->children[0]->text;
         });
}

// Whether it matters if "and" or "or" joins the items: names, words, ranges, equations for several names. Of
// values ("2 and 3", "x = 2 or x = 3", points) both make the same list.
bool joins_statements(const Node& node) {
  if (!node.is(NodeKind::list)) return false;
  std::string_view name;
  for (const Node* item : node.children) {
    if (item->is(NodeKind::variable) || item->is(NodeKind::text) || is_region(*item)) return true;
    if (!item->is(NodeKind::relation, "=") || !item->children[0]->is(NodeKind::variable)) continue;
    if (!name.empty() && name != item->children[0]->text) return true;
    name = item->children[0]->text;
  }
  return false;
}

bool same_connective(const Node& a, const Node& b) {
  if (a.is(NodeKind::list, "|") == b.is(NodeKind::list, "|")) return true;
  if (a.is(NodeKind::set_operation) || b.is(NodeKind::set_operation)) return true;  // "x < a or x > b"
  return !joins_statements(a) && !joins_statements(b);
}

// "2A_{16}" beside "2a_{16}", which reads like twice a term of a sequence.
bool hexadecimal(const Node& a, const Node& b) {
  const Node &based = a.is(NodeKind::base_n) ? a : b, &other = a.is(NodeKind::base_n) ? b : a;
  if (!based.children[0]->is(NodeKind::number, "16")) return false;
  std::string text;
  for (const char c : to_text(other))
    if (c != '*') text += c;
  return text_key(text) == text_key(to_text(based));
}

Truth both(Truth a, Truth b) {
  if (a == Truth::no || b == Truth::no) return Truth::no;
  return a == Truth::yes && b == Truth::yes ? Truth::yes : Truth::unknown;
}

}  // namespace

bool has_plus_minus(const Node& node) {
  return node.is(NodeKind::plus_minus) || std::any_of(node.children.begin(), node.children.end(),
                                                      [](const Node* n) { return has_plus_minus(*n); });
}

Node* with_sign(const Node& node, bool plus, Arena& arena) {
  if (node.is(NodeKind::plus_minus)) {
    Node* inner = with_sign(*node.children[0], plus, arena);
    return (node.text == "+") == plus ? inner : arena.make(NodeKind::negate, "", {inner});
  }
  Node* copy = arena.make(node.kind, node.text);
  for (const Node* child : node.children) copy->children.push_back(with_sign(*child, plus, arena));
  return copy;
}

Node* renamed(const Node& node, std::string_view from, std::string_view to, Arena& arena) {
  Node* copy = arena.make(node.kind, node.is(NodeKind::variable, from) ? to : node.text);
  for (const Node* child : node.children) copy->children.push_back(renamed(*child, from, to, arena));
  return copy;
}

Truth Matcher::differ(const std::string& what) {
  if (difference_.empty()) difference_ = what;
  return Truth::no;
}

Truth Matcher::equal(Node* a, Node* b) {
  const Budget::Level level(arena_.budget());
  const std::string text_a = to_text(*a), text_b = to_text(*b);
  arena_.budget().charge(static_cast<std::int64_t>(24 + (text_a.size() + text_b.size()) / 4));
  if (text_a == text_b) return Truth::yes;

  if (is_region(*a) || is_region(*b)) {
    RealSets sets(arena_);
    if (const std::optional<bool> same = sets.equal(*a, *b)) {
      ground_ = std::max(ground_, sets.ground());
      return *same ? Truth::yes : differ("other sets of numbers");
    }
  }
  a = without_label(a, *b);
  b = without_label(b, *a);
  if (a->is(NodeKind::relation) && b->is(NodeKind::relation)) return relations(a, b);
  if (!same_connective(*a, *b)) return differ("\"and\" against \"or\"");
  if (Node* point = named_point(*a, *b, arena_)) return equal(point, b);
  if (Node* point = named_point(*b, *a, arena_)) return equal(a, point);
  const bool cup_a = a->is(NodeKind::set_operation), cup_b = b->is(NodeKind::set_operation);
  if (cup_a != cup_b)
    if (Node* pieces = interval_union(cup_a ? *b : *a, arena_))
      return cup_a ? set_operations(a, pieces) : set_operations(pieces, b);
  if (a->is(NodeKind::relation) && !is_collection(*a)) return relation_against(a, b);
  if (b->is(NodeKind::relation) && !is_collection(*b)) return relation_against(b, a);
  if (is_collection(*a) || is_collection(*b)) {
    std::vector<Node*> x = values_of(a), y = values_of(b);
    if (x.size() != y.size()) {  // a solution may be said twice
      if (a->is(NodeKind::set) || is_solutions(*a)) drop_repeated(x);
      if (b->is(NodeKind::set) || is_solutions(*b)) drop_repeated(y);
    }
    return collections(x, y);
  }
  if (a->is(NodeKind::text) || b->is(NodeKind::text)) return texts(*a, *b);
  if (is_real_line(*a) && is_real_line(*b)) return Truth::yes;
  if (holds_matrix(*a) || holds_matrix(*b)) return matrices(a, b);
  if (a->is(NodeKind::tuple) && b->is(NodeKind::tuple)) return tuples(*a, *b);
  if (cup_a && cup_b) return set_operations(a, b);
  if (a->is(NodeKind::base_n) || b->is(NodeKind::base_n)) {
    if (a->kind != b->kind) return hexadecimal(*a, *b) ? Truth::yes : differ("one answer has a base");
    const bool same = text_key(a->text) == text_key(b->text) && a->children[0]->text == b->children[0]->text;
    return same ? Truth::yes : Truth::no;
  }
  if (a->is(NodeKind::modular) || b->is(NodeKind::modular)) return modular(a, b);
  if (a->is(NodeKind::ratio) || b->is(NodeKind::ratio)) return ratios(*a, *b);
  if (infinite_sign(*a) != 0 || infinite_sign(*b) != 0)
    return infinite_sign(*a) == infinite_sign(*b) ? Truth::yes : Truth::no;
  if (is_expression(*a) && is_expression(*b)) return quantities(a, b);
  if (a->is(NodeKind::matrix, "cases") && b->is(NodeKind::matrix, "cases"))  // in any order
    return collections({a->children.begin(), a->children.end()}, {b->children.begin(), b->children.end()});
  if (a->kind == b->kind && a->text == b->text) return one_by_one(*a, *b);
  return differ("answers of two kinds");
}

// "P(1, 2)" beside "(1, 2)": the point alone. "C(10, 3)" beside a number: the binomial coefficient.
Node* Matcher::without_label(Node* node, const Node& other) {
  if (!node->is(NodeKind::product) || node->children.size() != 2 ||
      !node->children[0]->is(NodeKind::variable) || !node->children[1]->is(NodeKind::tuple, "()"))
    return node;
  Node *label = node->children[0], *point = node->children[1];
  if (other.is(NodeKind::tuple) || other.is(NodeKind::matrix)) return point;
  const bool chooses = label->text == "C" && point->children.size() == 2 && is_expression(other);
  return chooses ? make(NodeKind::function, "binom", {point->children[0], point->children[1]}) : node;
}

Truth Matcher::expressions(Node* a, Node* b) {
  const Comparison comparison = expressions_equal(*a, *b, arena_.budget());
  if (comparison.equal == Truth::yes) ground_ = std::max(ground_, comparison.ground);
  return comparison.equal;
}

Truth Matcher::texts(const Node& a, const Node& b) {
  const auto key = [](const Node& node) {  // "III" is a word in \text{…}, three letters elsewhere
    std::string text = to_text(node);
    if (node.is(NodeKind::product)) text.erase(std::remove(text.begin(), text.end(), '*'), text.end());
    return text_key(text);
  };
  return key(a) == key(b) ? Truth::yes : differ("words");
}

// What of `a` does not stand in `b` under the same form, where it is then used: long lists take linear time.
std::vector<Node*> Matcher::without_same(const std::vector<Node*>& a, const std::vector<Node*>& b,
                                         std::vector<bool>& used) {
  if (a.size() == 1) return a;
  std::unordered_multimap<std::string, std::size_t> forms;
  const auto form = [&](const Node& node) {
    std::string text = to_text(node);
    arena_.budget().charge(static_cast<std::int64_t>(8 + text.size() / 4));
    return text;
  };
  for (std::size_t i = 0; i < b.size(); ++i) forms.emplace(form(*b[i]), i);
  std::vector<Node*> rest;
  for (Node* item : a) {
    const auto same = forms.find(form(*item));
    if (same == forms.end()) {
      rest.push_back(item);
      continue;
    }
    used[same->second] = true;
    forms.erase(same);
  }
  return rest;
}

// The values of a set, a list, or an answer with ±.
std::vector<Node*> Matcher::values_of(Node* node) {
  std::vector<Node*> out;
  const auto add = [&](Node* item) {
    if (!has_plus_minus(*item)) return out.push_back(item);
    out.push_back(with_sign(*item, true, arena_));
    out.push_back(with_sign(*item, false, arena_));
  };
  if (node->is(NodeKind::set) || node->is(NodeKind::list)) {
    for (Node* child : node->children) add(child);
  } else {
    add(node);
  }
  return out;
}

void Matcher::drop_repeated(std::vector<Node*>& values) {
  std::vector<Node*> once;
  std::unordered_multimap<std::string, Node*> seen;
  for (Node* value : values) {
    const std::string text = to_text(*value);
    arena_.budget().charge(static_cast<std::int64_t>(8 + text.size() / 4));
    if (seen.contains(text)) continue;
    seen.emplace(text, value);
    once.push_back(value);
  }
  if (once.size() > 1) values = std::move(once);  // {1, 1} is no 1
}

// Unordered, each value matched once. Equal values in one answer count once where both answers repeat or not.
Truth Matcher::collections(const std::vector<Node*>& a, const std::vector<Node*>& b) {
  if (a.size() != b.size())
    return differ(fmt::format("{} value{} against {}", a.size(), a.size() == 1 ? "" : "s", b.size()));
  std::vector<bool> used(b.size(), false);
  const std::vector<Node*> rest = without_same(a, b, used);
  Truth all = Truth::yes;
  for (Node* item : rest) {
    Truth found = Truth::no;
    for (std::size_t i = 0; i < b.size() && found != Truth::yes; ++i) {
      if (used[i]) continue;
      const Truth same = equal(item, b[i]);
      if (same == Truth::yes) used[i] = true;
      if (same != Truth::no) found = same;
    }
    if (found == Truth::no) {
      difference_ = a.size() == 1 ? "" : "a value of one answer is missing in the other";
      return Truth::no;
    }
    all = both(all, found);
  }
  return all;
}

Truth Matcher::one_by_one(const Node& a, const Node& b) {
  if (a.children.size() != b.children.size())
    return differ(fmt::format("{} part{} against {}", a.children.size(), a.children.size() == 1 ? "" : "s",
                              b.children.size()));
  Truth all = Truth::yes;
  for (std::size_t i = 0; i < a.children.size() && all != Truth::no; ++i)
    all = both(all, equal(a.children[i], b.children[i]));
  return all;
}

Truth Matcher::tuples(const Node& a, const Node& b) {
  if (a.text != b.text) return differ("brackets");
  return one_by_one(a, b);
}

Truth Matcher::set_operations(Node* a, Node* b) {
  if (a->text != b->text) return differ("answers of two kinds");
  if (a->text == "setminus") return one_by_one(*a, *b);
  return collections({a->children.begin(), a->children.end()}, {b->children.begin(), b->children.end()});
}

// The value without its unit; multipliers ("million") go into the value.
Matcher::Measured Matcher::measured(Node* node) {
  if (node->is(NodeKind::negate)) {
    Measured inner = measured(node->children[0]);
    if (inner.value == node->children[0]) return {node, ""};
    return {make(NodeKind::negate, "", {inner.value}), inner.unit};
  }
  if (!node->is(NodeKind::quantity)) return {node, ""};
  const Measured inner = measured(node->children[0]);
  if (const long times = multiplier(node->text)) {
    Node* factor = make(NodeKind::number, std::to_string(times), {});
    return {make(NodeKind::product, "", {inner.value, factor}), inner.unit};
  }
  return {inner.value, inner.unit.empty() ? std::string(node->text) : inner.unit};
}

Truth Matcher::quantities(Node* a, Node* b) {
  const Measured x = measured(a), y = measured(b);
  if (x.unit == y.unit) return expressions(x.value, y.value);
  if (!x.unit.empty() && !y.unit.empty()) return differ(fmt::format("units: {} against {}", x.unit, y.unit));
  const Measured &with = x.unit.empty() ? y : x, &without = x.unit.empty() ? x : y;
  const auto against = [&](Node* value) { return expressions(value, without.value); };
  Truth same = rules_.units_optional ? against(with.value) : Truth::no;
  if (same == Truth::yes) return same;
  if (with.unit == "%")  // 25% is 25 with the sign left out, and 0.25
    same = against(make(NodeKind::quotient, "", {with.value, make(NodeKind::number, "100", {})}));
  if (with.unit == "deg")  // 30° is 30 with the sign left out, and π/6
    same = against(make(NodeKind::quantity, "deg", {with.value}));
  if (with.unit.size() == 1 && has_variables(*without.value) && same != Truth::yes)  // "5 \text{m}" and "5m"
    same = against(make(NodeKind::product, "", {with.value, make(NodeKind::variable, with.unit, {})}));
  if (with.unit == "m2" || with.unit == "m3") {  // "5 \text{m}^2" and "5m^2"
    Node* metre = make(NodeKind::variable, "m", {});
    Node* power = make(NodeKind::power, "", {metre, make(NodeKind::number, with.unit.substr(1), {})});
    if (same != Truth::yes) same = against(make(NodeKind::product, "", {with.value, power}));
  }
  if (same == Truth::no && !rules_.units_optional) return differ("one answer has a unit");
  return same;
}

// Residues that differ by a multiple of the modulus are equal; a modulus may be missing on one side.
Truth Matcher::modular(Node* a, Node* b) {
  const auto residue = [&](Node* node) {  // "3 mod 7" beside "10 (mod 7)"
    return node->is(NodeKind::function, "mod")
               ? make(NodeKind::modular, "", {node->children[0], node->children[1]})
               : node;
  };
  a = residue(a);
  b = residue(b);
  if (!a->is(NodeKind::modular)) return equal(a, b->children[0]);
  if (!b->is(NodeKind::modular)) return equal(a->children[0], b);
  Node *value_a = a->children[0], *value_b = b->children[0];
  if (equal(a->children[1], b->children[1]) != Truth::yes) return differ("moduli");
  Evaluation at{arena_.budget()};
  const Value d = subtract(evaluate(*value_a, at), evaluate(*value_b, at), at),
              m = evaluate(*a->children[1], at);
  if (!d.is_rational() || !d.rational().is_integer() || !m.is_rational() || !m.rational().is_integer() ||
      m.is_zero())
    return equal(value_a, value_b);
  ground_ = std::max(ground_, Ground::exact);
  return fmpz_divisible(d.rational().num(), m.rational().num()) ? Truth::yes : Truth::no;
}

// a:b and c:d are equal where ad = bc; a ratio of two is also the quotient.
//
// Two that may be times of day are the same time: 12:00 is not 6:00, 3:30 not 1:10; "am" or "pm" may be
// missing on one side.
Truth Matcher::ratios(const Node& a, const Node& b) {
  const auto half = [](const Node& node) {
    return std::min(node.text.find_first_of("ap"), node.text.size());
  };
  const auto only_time = [&](const Node& node) {  // "12:00", "9:05", "3:30pm"
    return node.is(NodeKind::ratio) && !node.text.empty() &&
           (half(node) < node.text.size() || node.text[node.text.find(':') + 1] == '0');
  };
  if (a.is(NodeKind::ratio) && b.is(NodeKind::ratio) && !a.text.empty() && !b.text.empty()) {
    const std::string_view half_a = a.text.substr(half(a)), half_b = b.text.substr(half(b));
    if (a.text.substr(0, half(a)) != b.text.substr(0, half(b))) return differ("times");
    const bool missing = rules_.units_optional && (half_a.empty() || half_b.empty());
    return half_a == half_b || missing ? Truth::yes : differ("times");
  }
  if (only_time(a) || only_time(b)) return differ("a time against a value");
  if (!a.is(NodeKind::ratio) || !b.is(NodeKind::ratio)) {
    const Node &ratio = a.is(NodeKind::ratio) ? a : b, &other = a.is(NodeKind::ratio) ? b : a;
    if (ratio.children.size() != 2 || !is_expression(other)) return differ("answers of two kinds");
    Node* quotient = make(NodeKind::quotient, "", {ratio.children[0], ratio.children[1]});
    return expressions(quotient, const_cast<Node*>(&other));
  }
  if (a.children.size() != b.children.size()) return differ("ratios of different length");
  Truth all = Truth::yes;
  for (std::size_t i = 1; i < a.children.size(); ++i) {
    if (!is_expression(*a.children[0]) || !is_expression(*b.children[0])) return one_by_one(a, b);
    all = both(all, expressions(make(NodeKind::product, "", {a.children[0], b.children[i]}),
                                make(NodeKind::product, "", {a.children[i], b.children[0]})));
  }
  return all;
}

// Sums and products of matrices and numbers as one matrix; null when the shapes do not fit.
Node* Matcher::matrix_value(Node* node) {
  const Budget::Level level(arena_.budget());
  if (node->is(NodeKind::matrix) || is_expression(*node)) {
    if (!holds_matrix(*node) || node->is(NodeKind::matrix)) return node;
  } else {
    return nullptr;
  }
  if (node->is(NodeKind::negate))
    return combined(make(NodeKind::number, "1", {}), matrix_value(node->children[0]), true) == nullptr
               ? nullptr
               : combined(make(NodeKind::negate, "", {make(NodeKind::number, "1", {})}),
                          matrix_value(node->children[0]), true);
  Node* total = matrix_value(node->children[0]);
  for (std::size_t i = 1; i < node->children.size() && total; ++i)
    total = combined(total, matrix_value(node->children[i]), node->is(NodeKind::product));
  return total;
}

Node* Matcher::combined(Node* a, Node* b, bool product) {
  if (!a || !b) return nullptr;
  const bool matrix_a = a->is(NodeKind::matrix), matrix_b = b->is(NodeKind::matrix);
  if (!matrix_a && !matrix_b)
    return product ? make(NodeKind::product, "", {a, b}) : make(NodeKind::sum, "", {a, b});
  Node* out = make(NodeKind::matrix, "matrix", {});
  if (matrix_a != matrix_b) {  // a number times a matrix
    if (!product) return nullptr;
    Node *matrix = matrix_a ? a : b, *number = matrix_a ? b : a;
    for (const Node* row : matrix->children) {
      out->children.push_back(make(NodeKind::tuple, "[]", {}));
      for (Node* entry : row->children)
        out->children.back()->children.push_back(make(NodeKind::product, "", {number, entry}));
    }
    return out;
  }
  for (const Node* row : a->children) {
    Node* made = make(NodeKind::tuple, "[]", {});
    out->children.push_back(made);
    const std::size_t r = out->children.size() - 1;
    if (!product) {
      if (a->children.size() != b->children.size() || row->children.size() != b->children[r]->children.size())
        return nullptr;
      for (std::size_t c = 0; c < row->children.size(); ++c)
        made->children.push_back(make(NodeKind::sum, "", {row->children[c], b->children[r]->children[c]}));
      continue;
    }
    if (row->children.size() != b->children.size()) return nullptr;
    for (std::size_t c = 0; c < b->children[0]->children.size(); ++c) {
      Node* sum = make(NodeKind::sum, "", {});
      for (std::size_t k = 0; k < b->children.size(); ++k) {
        if (c >= b->children[k]->children.size()) return nullptr;
        sum->children.push_back(make(NodeKind::product, "", {row->children[k], b->children[k]->children[c]}));
      }
      made->children.push_back(sum);
    }
  }
  return out;
}

// "[[1, 2], [3, 4]]" as a matrix; other nodes as they are.
Node* Matcher::rows_of(Node* node) {
  const auto is_row = [](const Node* n) { return n->is(NodeKind::tuple, "[]"); };
  if (!is_row(node) || !std::all_of(node->children.begin(), node->children.end(), is_row)) return node;
  Node* rows = make(NodeKind::matrix, "matrix", {});
  rows->children = node->children;
  return rows;
}

Truth Matcher::matrices(Node* a, Node* b) {
  Node *x = matrix_value(rows_of(a)), *y = matrix_value(rows_of(b));
  if (!x || !y || !x->is(NodeKind::matrix) || !y->is(NodeKind::matrix)) {
    // A matrix of one row or column is a vector, which may be written as a point.
    Node *matrix = x && x->is(NodeKind::matrix) ? x : y, *other = matrix == x ? b : a;
    if (!matrix || !matrix->is(NodeKind::matrix) || !other->is(NodeKind::tuple, "()"))
      return differ("answers of two kinds");
    Node* vector = make(NodeKind::tuple, "()", {});
    const bool row = matrix->children.size() == 1;
    for (const Node* line : matrix->children) {
      if (!row && line->children.size() != 1) return differ("shapes");
      for (Node* entry : line->children) vector->children.push_back(entry);
    }
    return tuples(*vector, *other);
  }
  if (x->text != y->text) return differ("a matrix against a determinant");
  return one_by_one(*x, *y);
}

Truth Matcher::relations(Node* a, Node* b) {
  const auto membership = [](const Node& node) { return node.text == "e" && is_name(*node.children[0]); };
  if (membership(*a) != membership(*b))
    return membership(*a) ? equal(a->children[1], b) : equal(a, b->children[1]);
  if (is_equation(*a) && is_equation(*b)) return equations(a, b);
  if (is_inequality(*a) && is_inequality(*b)) {
    Node *x = interval_of(*a, arena_), *y = interval_of(*b, arena_);  // |x| < 3 and -3 < x < 3
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

Truth Matcher::inequalities(Node* a, Node* b) {
  const std::vector<Bound> x = bounds_of(*a);
  std::vector<Bound> y = bounds_of(*b);
  if (x.size() != y.size()) return differ("inequalities of different length");
  Truth all = Truth::yes;
  for (const Bound& one : x) {
    Truth found = Truth::no;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const Bound other = y[i];
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

// A relation against something else: the value that it gives a name.
Truth Matcher::relation_against(Node* relation, Node* other) {
  if (is_inequality(*relation)) {
    Node* range = interval_of(*relation, arena_);
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

}  // namespace pope
