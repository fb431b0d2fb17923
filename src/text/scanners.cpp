// See scanners.h. Every function follows its pattern's alternatives in their order.
#include "text/scanners.h"

#include <utility>

#include "text/unicode.h"
#include "text/utf8.h"

namespace pope {
namespace {

struct Char {
  char32_t code;
  CharClass kind;
  std::size_t end;  // offset of the next character
};

Char char_at(std::string_view text, std::size_t at) {
  const char32_t code = next_code_point(text, at);
  return {code, char_class(code), at};
}

// The end of the run of `kind` that starts at `at`; at most `limit` characters.
std::size_t run_end(std::string_view text, std::size_t at, CharClass kind,
                    std::size_t limit = std::string_view::npos) {
  for (std::size_t count = 0; at < text.size() && count < limit; ++count) {
    const Char next = char_at(text, at);
    if (next.kind != kind) break;
    at = next.end;
  }
  return at;
}

bool is_newline(char c) { return c == '\r' || c == '\n'; }

// 's 't 're 've 'm 'll 'd behind the apostrophe at `at`; `at` where there is none.
template <bool any_case>
std::size_t contraction_end(std::string_view text, std::size_t at) {
  const auto lower = [&](std::size_t i) {
    if (i >= text.size()) return '\0';
    const char c = text[i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = lower(at + 1), second = lower(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  const bool two = (second == 'e' && (first == 'r' || first == 'v')) || (second == 'l' && first == 'l');
  if (two) return at + 3;
  // U+017F is another lower case of S.
  return any_case && text.substr(at + 1).starts_with("\u017F") ? at + 3 : at;
}

// \s+(?!\S)|\s+ at white space: the run, but its last character where something follows and the run has two.
std::size_t space_end(std::string_view text, std::size_t at) {
  std::size_t end = at, last = at;  // `last`: where the last character of the run starts
  while (end < text.size()) {
    const Char next = char_at(text, end);
    if (next.kind != CharClass::kSpace) return last > at ? last : end;
    last = end;
    end = next.end;
  }
  return end;
}

std::size_t gpt2_end(std::string_view text, std::size_t at) {
  const Char first = char_at(text, at);
  if (first.code == '\'') {
    const std::size_t end = contraction_end<false>(text, at);
    if (end > at) return end;
  }
  if (first.kind != CharClass::kSpace) return run_end(text, first.end, first.kind);
  if (first.code == ' ' && first.end < text.size()) {
    const Char second = char_at(text, first.end);
    if (second.kind != CharClass::kSpace) return run_end(text, second.end, second.kind);
  }
  return space_end(text, at);
}

// Qwen's and Llama 3's pattern, which differ in how many digits stay together.
template <std::size_t digits>
std::size_t gpt4_end(std::string_view text, std::size_t at) {
  const Char first = char_at(text, at);
  if (first.code == '\'') {
    const std::size_t end = contraction_end<true>(text, at);
    if (end > at) return end;
  }
  if (first.kind == CharClass::kLetter) return run_end(text, first.end, CharClass::kLetter);
  if (first.kind == CharClass::kNumber) return run_end(text, first.end, CharClass::kNumber, digits - 1);
  const Char second = first.end < text.size() ? char_at(text, first.end) : Char{0, CharClass::kSpace, 0};
  if (second.kind == CharClass::kLetter && !is_newline(text[at])) {
    return run_end(text, second.end, CharClass::kLetter);
  }
  if (first.kind == CharClass::kOther || (first.code == ' ' && second.kind == CharClass::kOther)) {
    std::size_t end = run_end(text, first.end, CharClass::kOther);
    while (end < text.size() && is_newline(text[end])) ++end;
    return end;
  }
  // White space: up to its last line break, if it has one.
  const std::size_t end = run_end(text, at, CharClass::kSpace);
  for (std::size_t i = end; i > at; --i) {
    if (is_newline(text[i - 1])) return i;
  }
  return space_end(text, at);
}

// One digit, or everything up to the next one.
std::size_t digit_end(std::string_view text, std::size_t at) {
  const Char first = char_at(text, at);
  std::size_t end = first.end;
  while (!is_number(first.code) && end < text.size()) {
    const Char next = char_at(text, end);
    if (is_number(next.code)) break;
    end = next.end;
  }
  return end;
}

}  // namespace

Scanner find_scanner(std::string_view pattern) {
  constexpr std::pair<std::string_view, Scanner> kScanners[] = {{kGpt2Pattern, gpt2_end},
                                                                {kQwen2Pattern, gpt4_end<1>},
                                                                {kLlama3Pattern, gpt4_end<3>},
                                                                {kDigitPattern, digit_end}};
  for (const auto& [known, scanner] : kScanners) {
    if (known == pattern) return scanner;
  }
  return nullptr;
}

}  // namespace pope
