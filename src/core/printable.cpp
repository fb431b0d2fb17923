// See printable.h.
#include "core/printable.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/utf8.h"

namespace pope {
namespace {

bool is_harmless(char32_t code) {
  if (code == '\n' || code == '\t') return true;
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return !control && !direction;
}

}  // namespace

std::string without_trace(const std::string& what) {
  return what.substr(0, std::min(what.find("\nException raised from"), what.find("\nframe #")));
}

std::string printable(std::string_view text) {
  std::string storage, out;
  text = valid_utf8(text, storage);
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t code = next_code_point(text, at);
    if (is_harmless(code)) {
      out += text.substr(start, at - start);
    } else {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(code));
    }
  }
  return out;
}

}  // namespace pope
