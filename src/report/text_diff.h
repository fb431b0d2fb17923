// What an edit of a text changed, word by word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope {

struct DiffPart {
  enum class Kind { same, removed, added };
  Kind kind = Kind::same;
  std::string text;
  bool operator==(const DiffPart&) const = default;
};

// The parts that are same or removed, joined, are `before`; those that are same or added are `after`. What is
// the same is a longest common subsequence of words, each with the white space behind it; of a change, what
// was removed comes first. Texts of thousands of words that differ from end to end are replaced whole.
std::vector<DiffPart> text_diff(std::string_view before, std::string_view after);

}  // namespace pope
