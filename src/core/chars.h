// Characters: ASCII classes, whatever the locale; where UTF-8 characters start; trimming of white space.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace pope {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return is_lower(c) || is_upper(c); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_letter(c); }
constexpr char lower(char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }

// Whether a byte continues a UTF-8 character that began before it.
constexpr bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
// The start of the UTF-8 character that byte `at` belongs to: a text can be cut there. `at` = size gives
// size.
constexpr std::size_t character_start(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && continues_character(text[at])) --at;
  return at;
}
// The first start of a character at byte `at` or after it; the size of `text` where there is none.
constexpr std::size_t next_character_start(std::string_view text, std::size_t at) {
  while (at < text.size() && continues_character(text[at])) ++at;
  return at;
}
// `text` in at most `most` bytes (3 or more): cut between characters, with "..." in place of the rest.
inline std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  return std::string(text.substr(0, character_start(text, most - 3))) + "...";
}

// `text` without spaces, tabs and line ends at its end, or at its two ends.
constexpr std::string_view trim_end(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}
constexpr std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return trim_end(text);
}

// `text` without white space and, as long as one stands around all of it, an opening and closing mark of
// `marks`. "“a” and “b”" stays, as the opening mark stands again inside; where both marks are the same
// single sign "$", it may.
constexpr std::string_view unwrapped(std::string_view text,
                                     std::span<const std::pair<std::string_view, std::string_view>> marks) {
  for (bool more = true; more;) {
    more = false;
    text = trim(text);
    for (const auto& [open, close] : marks) {
      if (text.size() <= open.size() + close.size() || !text.starts_with(open) || !text.ends_with(close))
        continue;
      const std::string_view inner = text.substr(open.size(), text.size() - open.size() - close.size());
      const bool another = open != "$" && inner.find(open) != std::string_view::npos;
      if (another || inner.ends_with('\\')) continue;
      text = inner;
      more = true;
      break;
    }
  }
  return text;
}

}  // namespace pope
