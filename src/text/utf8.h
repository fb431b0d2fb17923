// Unicode as tokenizers normalise it: NFC, and SentencePiece's marks for spaces.
#pragma once

#include <string>
#include <string_view>

#include "core/utf8.h"

namespace pope {

// Unicode normalisation form C of valid UTF-8. Returns the input itself when there is nothing to change, and
// uses `storage` otherwise.
std::string_view nfc(std::string_view text, std::string& storage);

// SentencePiece's spelling of spaces, U+2581 "▁", in place of them, and back.
std::string with_space_marks(std::string_view text);
std::string without_space_marks(std::string_view text);

}  // namespace pope
