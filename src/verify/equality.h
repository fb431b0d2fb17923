// When two written answers are the same: as normalised text, or as exact rational numbers. Never floating
// point.
#pragma once

#include <string_view>

namespace pope {

// Normalised texts equal; or both numbers (integers, decimals, a/b, \frac{a}{b}, thousands separators,
// leading zeros) and equal; or so after "x=" or a unit that only one side has is dropped. An empty answer
// equals nothing.
bool answers_equal(std::string_view reference, std::string_view answer);

// True when `text` holds the answer as a token of its own: 12 is not in "128" nor in "3.12", 1/2 is in
// "\frac{1}{2}".
bool mentions_answer(std::string_view text, std::string_view answer);

}  // namespace pope
