// Sums, products, integrals and limits: an operator, its bounds, and the term it applies to. As in TeX the
// term ends at the next + or -: \sum_{k=1}^{3} k + 1 is 7.
#include <algorithm>
#include <tuple>
#include <utility>

#include "core/chars.h"
#include "verify/parser_class.h"

namespace pope {
namespace {

// The variable behind the "d" of "… dx", searched from the right; null when there is none.
const Node* differential(const Node& node) {
  for (std::size_t i = node.children.size(); i-- > 0;) {
    const Node& child = *node.children[i];
    const bool d = i > 0 && node.is(NodeKind::product) && node.children[i - 1]->is(NodeKind::variable, "d");
    if (d && child.is(NodeKind::variable)) return &child;
    if (const Node* found = differential(child)) return found;
  }
  return nullptr;
}

// Whether a name in the term says the variable: "a_k", "f(k)". Such a name is one variable here, whatever k
// is.
bool hides(const Node& node, std::string_view variable) {
  const bool name = node.is(NodeKind::variable) || (node.is(NodeKind::series) && node.children.size() == 2);
  if (name && node.text != variable)
    for (std::size_t at = node.text.find(variable); at != std::string_view::npos;
         at = node.text.find(variable, at + 1)) {
      const std::size_t end = at + variable.size();
      const bool starts = at == 0 || (!is_letter(node.text[at - 1]) && node.text[at - 1] != '\\');
      if (starts && (end == node.text.size() || !is_letter(node.text[end]))) return true;
    }
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const Node* n) { return hides(*n, variable); });
}

bool holds_series(const Node& node) {
  return node.is(NodeKind::series) || std::any_of(node.children.begin(), node.children.end(),
                                                  [](const Node* n) { return holds_series(*n); });
}

// The subscript with one letter as another name: "n-k-1" and "k" → "n-\index-1".
std::string with_letter(std::string_view subscript, std::string_view letter, std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < subscript.size(); ++i) {
    const bool before = i > 0 && (is_letter(subscript[i - 1]) || subscript[i - 1] == '\\');
    const std::size_t end = i + letter.size();
    const bool after = end < subscript.size() && is_letter(subscript[end]);
    if (before || after || subscript.substr(i, letter.size()) != letter) {
      out += subscript[i];
    } else {
      out += name;
      i = end - 1;
    }
  }
  return out;
}

constexpr std::string_view kIndex = "\\index";  // a bound variable, whatever the answer calls it

}  // namespace

std::string ordered_subscript(const std::string& subscript) {
  struct Term {
    bool number, negative;
    std::string text;
  };
  std::vector<Term> terms;
  for (std::size_t i = 0; i < subscript.size();) {
    const bool negative = subscript[i] == '-';
    if (negative || subscript[i] == '+') ++i;
    const std::size_t end = std::min(subscript.find_first_of("+-", i), subscript.size());
    const std::string text = subscript.substr(i, end - i);
    const auto part = [](char c) { return is_alnum(c) || c == '\\'; };
    if (text.empty() || !std::all_of(text.begin(), text.end(), part)) return subscript;
    terms.push_back({is_digit(text[0]), negative, text});
    i = end;
  }
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    return std::tie(a.number, a.negative, a.text) < std::tie(b.number, b.negative, b.text);
  });
  std::string out;
  for (const Term& term : terms) {
    if (term.negative || !out.empty()) out += term.negative ? '-' : '+';
    out += term.text;
  }
  return out;
}

// The term with the bound variable under a name of its own, also in subscripts: \sum_k F_k F_{n-k} and
// \sum_i F_{n-i} F_i are the same sum. Each subscripted name is then a variable like any other.
Node* Parser::with_index(const Node& term, std::string_view variable) {
  std::string text(term.text);
  if (term.is(NodeKind::variable)) {
    const std::size_t script = text.find('_');
    if (text == variable) {
      text = kIndex;
    } else if (script != std::string::npos) {
      text = text.substr(0, script + 1) +
             ordered_subscript(with_letter(text.substr(script + 1), variable, kIndex));
    } else {
      text = with_letter(text, variable, kIndex);
    }
  }
  Node* copy = make(term.kind, text);
  for (const Node* child : term.children) copy->children.push_back(with_index(*child, variable));
  return copy;
}

bool is_series_name(std::string_view name) {
  return name == "\\sum" || name == "\\prod" || name == "\\int" || name == "\\lim";
}

// What stands below the operator: of counted ones (\sum, \prod) the variable and its first value, of limits
// the tokens as text and the first as variable, of integrals a value. False when it is no such bound.
bool Parser::lower_bound(std::string_view operation, SeriesBounds& bounds) {
  if (operation == "int") {
    bounds.lower = argument_of_script();
    bounds.text = to_text(*bounds.lower);
    return true;
  }
  if (!take(TokenKind::open, "{") || peek().kind != TokenKind::name) return false;
  bounds.variable = peek().text;
  if (operation == "lim") {
    for (int depth = 1; !at_end(); ++at_) {
      depth += peek().is(TokenKind::open, "{") ? 1 : peek().is(TokenKind::close, "}") ? -1 : 0;
      if (depth == 0) break;
      bounds.text += peek().text;
    }
  } else {
    ++at_;
    if (!take_op("=")) return false;
    bounds.lower = sum();
  }
  return take(TokenKind::close, "}");
}

// Behind the operator. Null, with nothing consumed, when bounds are missing that it needs; it is then a name.
Node* Parser::series(std::string_view operation) {
  const Budget::Level level(arena_.budget());
  const bool counted = operation == "sum" || operation == "prod";
  const std::size_t start = at_;
  SeriesBounds bounds;
  for (int i = 0; i < 2 && !failed_; ++i) {
    if (peek().op("_") && !bounds.lower) {
      ++at_;
      if (!lower_bound(operation, bounds)) return at_ = failed_ ? at_ : start, nullptr;
    } else if (peek().op("^") && !bounds.upper && operation != "lim") {
      ++at_;
      bounds.upper = exponent();
      bounds.text += "^" + to_text(*bounds.upper);
    }
  }
  const bool complete = counted ? bounds.lower && bounds.upper : operation == "int" || !bounds.text.empty();
  if (failed_ || !complete) return at_ = failed_ ? at_ : start, nullptr;
  bound_.push_back(bounds.variable);  // in the term, "i" is the variable and not √-1
  Node* body = take_op("-") ? make(NodeKind::negate, "", {term()}) : term();
  bound_.pop_back();
  follows_group_ = true;
  if (operation == "int")
    if (const Node* dx = differential(*body)) bounds.variable = dx->text;
  const bool hidden = bounds.variable.empty() || hides(*body, bounds.variable);
  Node* variable = make(NodeKind::variable, hidden ? "" : bounds.variable);
  if (counted && !hidden)
    return make(NodeKind::series, operation, {body, variable, bounds.lower, bounds.upper});
  if (counted && !bounds.variable.empty() && !holds_series(*body)) {
    const std::string text = std::string(operation) + "_" + to_text(*bounds.lower) + bounds.text;
    return make(NodeKind::series, text,
                {with_index(*body, bounds.variable), make(NodeKind::variable, kIndex)});
  }
  if (counted) bounds.text = bounds.variable + "=" + to_text(*bounds.lower) + bounds.text;
  return make(NodeKind::series, std::string(operation) + "_" + bounds.text, {body, variable});
}

bool Parser::is_bound(std::string_view name) const {
  return std::find(bound_.begin(), bound_.end(), name) != bound_.end();
}

}  // namespace pope
