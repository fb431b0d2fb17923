// The parsed answer: a small tree in an arena that is thrown away as a whole.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "verify/budget.h"

namespace pope {

enum class NodeKind {
  number,      // text as in TokenKind::number
  variable,    // text: its name, with subscripts and primes; also calls of unknown functions, "f(x)"
  constant,    // text: "pi", "e", "i"
  infinity,    //
  sum,         // of all children
  product,     // of all children
  quotient,    // two children
  power,       // base, exponent
  negate,      // one child
  plus_minus,  // text "+" (±) or "-" (∓), one child
  function,    // text: its name; children: its arguments (log: argument, base; sqrt: argument, index)
  series,    // text: "sum", "prod"; children: term, its variable, lower and upper bound. Or text: "int_…",
             // "lim_…" with the bounds; children: term, variable
  quantity,  // text: a unit ("%", "deg", "$", "cm"); one child
  base_n,    // text: digits; one child: the base
  tuple,     // text: its two brackets, "()" or "[)"
  set,       // unordered
  list,      // unordered values without brackets around them; text: what joins them, "|" or, "&" and, else ""
  relation,  // children in a chain; text: one character for each sign between them, see parser.cpp
  ratio,     // children in proportion; text: "3:30pm" where it may be a time of day, else ""
  set_operation,  // text: "cup", "cap", "setminus"
  modular,        // value, modulus
  matrix,         // text: "matrix" or the environment's name; children: rows (tuples "[]")
  text            // words
};

struct Node {
  NodeKind kind;
  std::string_view text;
  std::pmr::vector<Node*> children;

  bool is(NodeKind k) const { return kind == k; }
  bool is(NodeKind k, std::string_view t) const { return kind == k && text == t; }
};

// Owns nodes and their texts. Not thread-safe; one for each comparison.
class Arena {
 public:
  explicit Arena(Budget& budget) : budget_(budget) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  Budget& budget() { return budget_; }
  Node* make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children = {}) {
    budget_.charge_node();
    void* place = memory_.allocate(sizeof(Node), alignof(Node));
    return new (place) Node{kind, keep(text), std::pmr::vector<Node*>(children, &memory_)};
  }
  // Charged by length: names grow with each prime or subscript, "x''''…", and each step is kept.
  std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    budget_.charge(static_cast<std::int64_t>(text.size() / 8));
    char* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
    text.copy(copy, text.size());
    return {copy, text.size()};
  }

 private:
  Budget& budget_;
  std::array<std::byte, 8192> first_;  // most answers need no heap
  std::pmr::monotonic_buffer_resource memory_{first_.data(), first_.size()};
};

// The normal form that people read, one text for one tree: "sqrt(2)/2", "{1, 2}". Two equal texts mean two
// equal trees.
std::string to_text(const Node& node);

}  // namespace pope
