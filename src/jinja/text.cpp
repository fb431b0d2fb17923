// See text.h.
#include "jinja/text.h"

#include <unordered_set>

#include "core/utf8.h"

namespace pope::jinja {

Text text_of(std::string_view utf8, Char mark) {
  std::string storage;
  const std::string_view valid = valid_utf8(utf8, storage);
  Text text;
  text.reserve(valid.size());
  for (std::size_t at = 0; at < valid.size();) text += next_code_point(valid, at) | mark;
  return text;
}

std::string utf8_of(TextView text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const Char c : text) append_utf8(code(c), bytes);
  return bytes;
}

bool is_space(Char c) {
  c = code(c);
  if (c <= 0x20) return c == 0x20 || (c >= 0x09 && c <= 0x0D) || c >= 0x1C;
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

TextView stripped(TextView text, Side side, const Text* characters) {
  std::unordered_set<Char> set;
  if (characters != nullptr) {
    for (const Char c : *characters) set.insert(code(c));
  }
  const auto goes = [&](Char c) { return characters == nullptr ? is_space(c) : set.contains(code(c)); };
  while (side != Side::kRight && !text.empty() && goes(text.front())) text.remove_prefix(1);
  while (side != Side::kLeft && !text.empty() && goes(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<TextView> lines_of(TextView text) {
  const auto ends_line = [](Char c) {
    c = code(c);
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::vector<TextView> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!ends_line(text[at])) continue;
    lines.push_back(text.substr(begin, at - begin));
    if (code(text[at]) == '\r' && at + 1 < text.size() && code(text[at + 1]) == '\n') ++at;
    begin = at + 1;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace pope::jinja
