// Where the answer stands in a completion. All functions take time linear in the text, whatever it holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pope {

// The content of the last complete \boxed{…} or \fbox{…}; of nested boxes the outermost. Nothing when there
// is none;
// "" when that box is empty.
std::optional<std::string_view> find_boxed(std::string_view text);

// What follows the last "#### ", "answer is" or "answer:" on its line, up to the end of the sentence. "" when
// none.
std::string answer_line(std::string_view text);

// The last number: "-1,234.5", "3/4", ".5". "" when none.
std::string last_number(std::string_view text);

}  // namespace pope
