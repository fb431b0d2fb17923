// Answers as trees. The grammar stands in parser.cpp and parser_factor.h.
#pragma once

#include <vector>

#include "verify/ast.h"
#include "verify/tokens.h"

namespace pope {

// The tree of an answer; null when the tokens are no formula (then the answer is words). Throws OverBudget.
// `split_groups`: inside brackets "1,234" is read as two values, not as one number.
Node* parse_answer(const std::vector<Token>& tokens, bool split_groups, Arena& arena);

// True when `split_groups` makes a difference.
bool has_groups_in_brackets(const std::vector<Token>& tokens);

}  // namespace pope
