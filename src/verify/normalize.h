// Normalised answers: the text without what does not change an answer, in one spelling.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope {

// gap[i]: something that separates words (a space, a math delimiter) stood before text[i]. One entry more
// than characters: gap.back() is true.
struct Normal {
  std::string text;
  std::vector<bool> gap;
};

// Drops math delimiters, spacing and size commands, \text{…} and boxes around their content, degree, percent
// and currency signs, a trailing point. \dfrac becomes \frac, \frac12 \frac{1}{2}, x^{2} x^2. Linear in the
// text.
Normal normalize(std::string_view text);

}  // namespace pope
