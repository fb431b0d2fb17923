// Bounds on how deep a template may be nested: the parser, the interpreter and destructors recurse over its
// tree.
#pragma once

#include "jinja/parser.h"

namespace pope::jinja {

inline constexpr int kMaxTreeDepth = 200;

class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxTreeDepth) parser_.fail("the template is nested too deep");
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

}  // namespace pope::jinja
