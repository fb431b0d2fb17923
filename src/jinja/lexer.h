// A template's source → tokens, with the white space between tags dealt with as transformers sets jinja2 up:
// trim_blocks (no line end behind a statement), lstrip_blocks (no spaces in front of one), and the signs -
// and +.
#pragma once

#include <string>
#include <vector>

#include "jinja/value.h"

namespace pope::jinja {

enum class TokenKind {
  kData,  // text between tags
  kStatementBegin,
  kStatementEnd,
  kOutputBegin,
  kOutputEnd,
  kName,
  kString,
  kNumber,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  int line;
  std::string name;  // of a name or operator
  Value value;       // of data, strings and numbers
};

// What is no template of jinja2, or not supported, and where.
struct SyntaxFault {
  int line;
  Fault fault;
};

// Ends with a token kEnd.
std::vector<Token> tokens_of(const Text& source);

}  // namespace pope::jinja
