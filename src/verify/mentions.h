// Whether a text states an answer: the leak guard of the prefix search.
#pragma once

#include <string_view>

#include "verify/answers.h"

namespace pope {

// True when `text` holds the answer as a token of its own: 12 is not in "128" nor in "3.12", 1/2 is in
// "\frac{1}{2}".
bool mentions_answer(std::string_view text, std::string_view answer);

}  // namespace pope
