// Unicode at the tokenizers' door: invalid bytes become U+FFFD, and NFC where a tokenizer asks for it.
// Both return the input itself when there is nothing to change, and use `storage` otherwise.
#pragma once

#include <string>
#include <string_view>

namespace pope {

// `text` as valid UTF-8: each maximal invalid part becomes one U+FFFD, as Python and Rust replace it.
std::string_view valid_utf8(std::string_view text, std::string& storage);

// Unicode normalisation form C of valid UTF-8.
std::string_view nfc(std::string_view text, std::string& storage);

// SentencePiece's spelling of spaces, U+2581 "▁", in place of them, and back.
std::string with_space_marks(std::string_view text);
std::string without_space_marks(std::string_view text);

// Appends the UTF-8 form of a code point.
void append_utf8(char32_t code, std::string& out);

// The code point that starts at text[at] of valid UTF-8; moves `at` behind it.
char32_t next_code_point(std::string_view text, std::size_t& at);

}  // namespace pope
