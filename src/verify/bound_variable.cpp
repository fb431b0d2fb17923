// See bound_variable.h.
#include "verify/bound_variable.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "core/chars.h"

namespace pope {
namespace {

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

}  // namespace

const Node* differential(const Node& node) {
  for (std::size_t i = node.children.size(); i-- > 0;) {
    const Node& child = *node.children[i];
    const bool d = i > 0 && node.is(NodeKind::product) && node.children[i - 1]->is(NodeKind::variable, "d");
    if (d && child.is(NodeKind::variable)) return &child;
    if (const Node* found = differential(child)) return found;
  }
  return nullptr;
}

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

Node* with_index(const Node& term, std::string_view variable, Arena& arena) {
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
  Node* copy = arena.make(term.kind, text);
  for (const Node* child : term.children) copy->children.push_back(with_index(*child, variable, arena));
  return copy;
}

}  // namespace pope
