// UTF-8: code points in and out, and what becomes of bytes that are none.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// `text` as valid UTF-8: each maximal invalid part becomes one U+FFFD, as Python and Rust replace it. The
// text itself when there is nothing to change; `storage` is used otherwise.
std::string_view valid_utf8(std::string_view text, std::string& storage);

// Appends the UTF-8 form of a code point.
void append_utf8(char32_t code, std::string& out);

// The code point that starts at text[at] of valid UTF-8; moves `at` behind it.
char32_t next_code_point(std::string_view text, std::size_t& at);

}  // namespace pope
