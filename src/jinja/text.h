// Strings of templates. As in Python a string is a sequence of code points. Each character also knows whether
// it was given (by a message) or written (by the template): whatever a template does to texts, what a user
// wrote can be told apart in the result. Comparisons and searches do not look at that mark.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope::jinja {

using Char = char32_t;
inline constexpr Char kGiven = 0x80000000;  // the mark, beside the code point

constexpr Char code(Char c) { return c & ~kGiven; }
constexpr bool given(Char c) { return (c & kGiven) != 0; }

struct CharTraits : std::char_traits<Char> {
  static constexpr bool eq(Char a, Char b) noexcept { return code(a) == code(b); }
  static constexpr bool lt(Char a, Char b) noexcept { return code(a) < code(b); }
  static constexpr int compare(const Char* a, const Char* b, std::size_t size) noexcept {
    for (std::size_t i = 0; i < size; ++i) {
      if (!eq(a[i], b[i])) return lt(a[i], b[i]) ? -1 : 1;
    }
    return 0;
  }
  static constexpr const Char* find(const Char* text, std::size_t size, const Char& c) noexcept {
    for (std::size_t i = 0; i < size; ++i) {
      if (eq(text[i], c)) return text + i;
    }
    return nullptr;
  }
};

using Text = std::basic_string<Char, CharTraits>;
using TextView = std::basic_string_view<Char, CharTraits>;

// From UTF-8 (bytes that are none become U+FFFD), all of it given or all of it written.
Text text_of(std::string_view utf8, Char mark = 0);
std::string utf8_of(TextView text);

// str.isspace of Python.
bool is_space(Char c);

enum class Side { kLeft, kRight, kBoth };
// str.strip and its two halves: without white space, or, where `characters` is not null, without those.
TextView stripped(TextView text, Side side, const Text* characters = nullptr);

// str.splitlines without the line ends.
std::vector<TextView> lines_of(TextView text);

}  // namespace pope::jinja
