// Text from outside, such as labels, ids, file names and what graders say, on its way to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// `text` as it may be shown: control characters, with which a terminal could be made to move, recolour or
// retitle itself, and those that turn the direction of writing are spelled as JSON spells them ("\u001b"), so
// that JSON stays the same JSON. Line ends and tabs stay; invalid UTF-8 becomes U+FFFD. Everything that pope
// prints passes through here.
std::string printable(std::string_view text);

// The message of an error without the long trace that libtorch puts behind it.
std::string without_trace(const std::string& what);

}  // namespace pope
