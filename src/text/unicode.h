// Classes of code points as Hugging Face tokenizers 0.23 sees them. Its regular expressions know Unicode 17,
// so letters and numbers that utf8proc (15) lacks are listed here; its NFC knows Unicode 10.
#pragma once

namespace pope {

enum class CharClass : unsigned char { kOther, kLetter, kNumber, kSpace };

CharClass char_class(char32_t c);  // \p{L}, \p{N}, \s (White_Space), or none of these
bool is_number(char32_t c);        // what the pre-tokeniser Digits cuts at: \p{N}, and those of Unicode 17
bool is_word(char32_t c);          // \w: alphabetic, mark, decimal digit, connector, joiner
// A mark younger than Unicode 10: NFC leaves it, and the order around it, alone.
bool is_young_mark(char32_t c);

}  // namespace pope
