// Words around a formula that say no more than the formula.
#pragma once

#include <vector>

#include "verify/tokens.h"

namespace pope {

// Drops "The answer is" before the tokens and "for all real x" behind them, and makes one word of a name in
// words: "Area of ABC = 6". Where something else stands among the words, they stay.
void drop_phrases(std::vector<Token>& tokens);

}  // namespace pope
