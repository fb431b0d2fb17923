// See utf8.h.
#include "text/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/error.h"
#include "text/unicode.h"

namespace pope {
namespace {

void append_nfc(std::string_view text, std::string& out) {
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
      &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, std::free);
  if (size < 0) throw Error("normalise text", utf8proc_errmsg(size));
  out.append(reinterpret_cast<const char*>(result), static_cast<std::size_t>(size));
}

}  // namespace

std::string_view nfc(std::string_view text, std::string& storage) {
  // Below U+0300 (lead byte 0xCC) no character composes or decomposes under NFC.
  const auto may_change = [](char c) { return static_cast<std::uint8_t>(c) >= 0xCC; };
  if (std::none_of(text.begin(), text.end(), may_change)) return text;
  storage.clear();
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (!is_young_mark(next_code_point(text, at))) continue;
    append_nfc(text.substr(done, start - done), storage);
    storage += text.substr(start, at - start);
    done = at;
  }
  append_nfc(text.substr(done), storage);
  return storage;
}

namespace {

constexpr std::string_view kSpaceMark = "\u2581";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t found = std::min(text.find(from, at), text.size());
    result += text.substr(at, found - at);
    if (found < text.size()) result += to;
    at = found + from.size();
  }
  return result;
}

}  // namespace

std::string with_space_marks(std::string_view text) { return replaced(text, " ", kSpaceMark); }
std::string without_space_marks(std::string_view text) { return replaced(text, kSpaceMark, " "); }

}  // namespace pope
