// Long texts, shortened for the page.
#pragma once

#include <string>

namespace pope {

// `text`, or, where it has more bytes than `longest`, its two ends with a note of how much was left out
// between them. Cut between characters.
std::string without_middle(const std::string& text, std::size_t longest);

}  // namespace pope
