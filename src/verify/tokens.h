// Answers as tokens: LaTeX, plain text and Unicode spellings of one thing become one token.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "verify/budget.h"

namespace pope {

enum class TokenKind {
  number,    // text: digits, with a point; "1/2" for ½; repeating digits in parentheses: "0.1(6)"
  name,      // a variable or constant: "x", "\\alpha", "AB" only as two names
  word,      // text that is no formula: "cm", "Evelyn"
  function,  // text: "sin", "sqrt", "frac", "binom", …
  op,        // text: + - * / ^ _ ! : , ; = < > <= >= != in equiv approx -> cup cap setminus pm mp % deg ' …
  open,      // text: ( [ { \{ | lfloor lceil langle
  close,     // text: ) ] } \} rfloor rceil rangle
  begin_env,  // text: the environment's name
  end_env,
  junk  // a character that no formula holds
};

struct Token {
  TokenKind kind;
  std::string text;
  bool gap = false;      // white space stood before it
  bool grouped = false;  // number: groups of three digits set apart by bare commas; may be a list instead
  bool plain = false;    // function: not a LaTeX command, so that √12 is √(12)

  bool is(TokenKind k, std::string_view t) const { return kind == k && text == t; }
  bool op(std::string_view t) const { return is(TokenKind::op, t); }
};

// Linear in the text. Drops math delimiters, spacing and sizes, boxes around their content, a full stop at
// the end, and a remark such as "(about 18.9)" or "≈ 18.9" after an answer. Throws OverBudget for long texts.
std::vector<Token> tokenize(std::string_view text, const Limits& limits);

}  // namespace pope
