// The nearest known word, for "did you mean" messages, and lists of words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope {

// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b);
// The known word with the smallest distance, the earlier one on ties; "" when none is near, that is within a
// third of the longer word's length.
std::string nearest_of(std::string_view word, const std::vector<std::string>& known);
// The hint for an unknown word: "did you mean 'X'?", or, when none is near, what the known ones are.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);
// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& words, std::string_view last = "and");

// The names of a table, a std::map by name, in its order.
template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : table) names.push_back(name);
  return names;
}

}  // namespace pope
