// Recursive descent, from loose to tight:
//   list      relation { ("," | ";" | "and" | "or") relation }          Node::text: "|" or "&" for or, and
//   relation  sets { (= < > <= >= != in equiv -> …) sets }    one character of Node::text for each sign
//   sets      ratio { (cup | cap | setminus) ratio }
//   ratio     clock | quantity { (":" | "to") quantity }
//   quantity  sum [unit] | number unit number unit …                  "2 h 30 min"
//   sum       ["+" | "-" | "±"] term { ("+" | "-" | "±" | "∓") term }
//   term      factor { ["*" | "/" | mod] factor } [% | °]           a missing sign: a product, or a mixed
//   number factor    primary { "^" exponent | "!" | "_" subscript | "'" } primary   …, also an operator with
//   bounds and a term: \sum_{k=1}^{n} term
// What does not fit makes the whole answer words.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/chars.h"
#include "verify/ast.h"
#include "verify/tokens.h"
#include "verify/units.h"

namespace pope {

inline bool is_integer(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

inline bool is_currency(const Token& token) {
  return token.op("$") || token.op("€") || token.op("£") || token.op("¥") || token.op("₹");
}

// "n-1-k" as "n-k-1": one spelling for a subscript that is a sum of letters and numbers.
std::string ordered_subscript(const std::string& subscript);

// \sum, \prod, \int, \lim.
bool is_series_name(std::string_view name);

// What stands below and above such an operator; as text for integrals and limits.
struct SeriesBounds {
  std::string variable, text;
  Node *lower = nullptr, *upper = nullptr;
};

class Parser {
 public:
  Parser(std::vector<Token> tokens, Arena& arena) : tokens_(std::move(tokens)), arena_(arena) {}
  Node* run();

 private:
  bool at_end() const { return at_ >= tokens_.size(); }
  const Token& peek(std::size_t ahead = 0) const;
  bool take(TokenKind kind, std::string_view text);
  bool take_op(std::string_view text) { return take(TokenKind::op, text); }
  Node* fail();
  Node* make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children = {});

  // parser.cpp: lists to terms.
  char separator() const;
  Node* list();
  Node* joined(Node* list, const std::string& joints);
  Node* relation();
  Node* modulus(Node* value);
  Node* sets();
  Node* ratio();
  Node* clock();
  Node* quantity();
  Node* with_unit(Node* value);
  bool measure(Unit& unit, int sign);
  Node* compound();
  Node* arc_minutes(Node* degrees);
  Node* minutes_or_feet(Node* value);
  Node* base_in_words(Node* value);
  Node* unit_in_brackets(Node* value);
  Node* sum();
  Node* signed_term();
  static bool is_whole(const Node& node) { return node.is(NodeKind::number) && is_integer(node.text); }
  static bool is_proper_fraction(const Node& node);
  bool starts_factor() const;
  bool ends_with_number(const Node& node) const;
  Node* term();
  Node* product(Node* left, Node* right);
  Node* signed_factor();

  // parser_factor.cpp: factors and what they are made of.
  Node* factor();
  Node* combinations(const Node* base);
  Node* exponent();
  Node* subscript(Node* base);
  Node* base_n(std::string_view digits, const std::string& base);
  Node* primary();
  static bool is_digit_letter(const Token& token);
  Node* lettered_number(const Token& first);
  Node* number(const Token& token);
  Node* name(const std::string& name);
  Node* call_with_number(const std::string& name);
  Node* words();
  Node* bracket(const std::string& open);
  Node* split_group();
  Node* set_builder();
  Node* collected(NodeKind kind, const std::string& text, Node* inner, bool many);
  Node* argument();
  Node* function(const std::string& name);
  Node* argument_of_script();
  Node* call(const std::string& name);
  Node* operand();
  Node* root(const std::string& name);
  Node* environment(const std::string& name);
  Node* cell(bool condition);
  bool take_inverse();

  // parser_series.cpp
  Node* series(std::string_view operation);
  Node* with_index(const Node& term, std::string_view variable);
  bool lower_bound(std::string_view operation, SeriesBounds& bounds);
  bool is_bound(std::string_view name) const;

  std::vector<Token> tokens_;
  Arena& arena_;
  std::size_t at_ = 0;
  std::vector<std::string> bound_;  // variables of the sums that the cursor is in
  int bars_ = 0;                    // open |…|
  bool argument_next_ = false;      // the braces that open next are those of an argument
  bool follows_group_ = false;      // the last factor ended with a bracket
  bool left_group_ = false;         // the one before it did
  bool failed_ = false;
};

}  // namespace pope
