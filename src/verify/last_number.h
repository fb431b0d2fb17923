// The last fall-back: the last number of a completion, or the formula that it is part of. A piece of a
// formula is never taken for an answer.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// The last number, with its sign, percent sign and what makes one number of it: "-1,234.5", "3/4", "2 1/2",
// "1{,}234", "12:30", "50%"; not inside a word. Where it is part of a formula ("$\sqrt{5}$", "x^2", also
// without delimiters) the formula, or what stands behind its last "=". "" when none.
std::string last_number(std::string_view text);

}  // namespace pope
