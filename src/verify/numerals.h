// Numbers as people write them, for the tokenizer: groups of three digits, repeating digits, "1.5e3".
#pragma once

#include <cstddef>
#include <string_view>

#include "verify/tokens.h"

namespace pope {

// Whether a number stands at `at`: a digit, or a point before digits (also before repeating ones).
bool starts_number(std::string_view text, std::size_t at);

// The number at `at`, which is moved behind it. Groups are joined ("1,234" and "1\ 234" are 1234), repeating
// digits stand in parentheses (0.1\overline{6} and 0.\dot{1}4\dot{2} are 0.1(6) and 0.(142)).
Token scan_number(std::string_view text, std::size_t& at);

}  // namespace pope
