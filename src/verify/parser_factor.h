// The tight half of the grammar (parser.cpp has the loose one):
//   factor    primary { "^" exponent | "!" | "_" subscript | "'" }
//   primary   a number, a name, a bracket, a function with its argument, an environment; an operator with
//   bounds
//             and a term: \sum_{k=1}^{n} term
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

namespace pope {

inline bool is_integer(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

inline bool is_currency(const Token& token) {
  return token.op("$") || token.op("€") || token.op("£") || token.op("¥") || token.op("₹");
}

class FactorParser {
 protected:
  FactorParser(std::vector<Token> tokens, Arena& arena) : tokens_(std::move(tokens)), arena_(arena) {}
  virtual ~FactorParser() = default;

  // What brackets and bounds hold: the loose half.
  virtual Node* list() = 0;
  virtual Node* sum() = 0;
  virtual Node* term() = 0;
  virtual Node* product(Node* left, Node* right) = 0;
  virtual Node* signed_factor() = 0;
  virtual bool starts_factor() const = 0;

  bool at_end() const { return at_ >= tokens_.size(); }
  const Token& peek(std::size_t ahead = 0) const;
  bool take(TokenKind kind, std::string_view text);
  bool take_op(std::string_view text) { return take(TokenKind::op, text); }
  Node* fail();
  Node* make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children = {});
  Node* factor();
  Node* base_n(std::string_view digits, const std::string& base);

  std::vector<Token> tokens_;
  Arena& arena_;
  std::size_t at_ = 0;
  int bars_ = 0;                // open |…|
  bool follows_group_ = false;  // the last factor ended with a bracket
  bool failed_ = false;

 private:
  // What stands below and above an operator such as \sum; as text for integrals and limits.
  struct Bounds {
    std::string variable, text;
    Node *lower = nullptr, *upper = nullptr;
  };

  Node* combinations(const Node* base);
  Node* exponent();
  Node* subscript(Node* base);
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
  Node* series(std::string_view operation);
  bool lower_bound(std::string_view operation, Bounds& bounds);
  bool is_bound(std::string_view name) const;

  std::vector<std::string> bound_;  // variables of the sums that the cursor is in
  bool argument_next_ = false;      // the braces that open next are those of an argument
};

}  // namespace pope
