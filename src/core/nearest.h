// The nearest known word, for "did you mean" messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope {

// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b);
// The known word with the smallest distance, the earlier one on ties; "" when there is none.
std::string nearest_of(std::string_view word, const std::vector<std::string>& known);

}  // namespace pope
