// One number at a time: whole part, point, repeating part, exponent.
#include "verify/numerals.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/chars.h"

namespace pope {
namespace {

std::size_t digits_end(std::string_view text, std::size_t from) {
  while (from < text.size() && is_digit(text[from])) ++from;
  return from;
}

// What may stand between groups of three digits. A bare comma may separate the values of a list as well.
constexpr std::array<std::string_view, 12> kSeparators = {
    "{,}", ",\\!", "\\text{,}", "\\,", "\\ ", "\\;", "\\:", "~", "\u00A0", "\u2009", "\u202F", ","};

// The start of a further group of exactly three digits after a separator at `at`; 0 when there is none.
std::size_t next_group(std::string_view text, std::size_t at, bool& bare_comma) {
  const std::string_view rest = text.substr(std::min(at, text.size()));
  std::size_t skip = rest.starts_with(' ') ? 1 : 0;
  for (const std::string_view separator : kSeparators) {
    if (skip > 0 || !rest.starts_with(separator)) continue;
    skip = separator.size();
    if (separator == ",\\!")
      while (skip < rest.size() && rest[skip] == ' ') ++skip;
  }
  const std::size_t start = at + skip;
  if (skip == 0 || digits_end(text, start) != start + 3) return 0;
  if (rest[0] == ' ' && start + 3 < text.size() && text[start + 3] == '/') return 0;  // "2 100/3"
  if (rest[0] == ',' && skip == 1) bare_comma = true;
  return start;
}

constexpr std::array<std::string_view, 3> kBars = {"\\overline", "\\bar", "\\dot"};

bool starts_bar(std::string_view text) {
  return std::any_of(kBars.begin(), kBars.end(), [&](std::string_view bar) { return text.starts_with(bar); });
}

// The digits under the bar or dot at `at`, which is moved behind them. "" when there are none.
std::string_view barred(std::string_view text, std::size_t& at, std::string_view bar) {
  if (!text.substr(std::min(at, text.size())).starts_with(bar)) return {};
  std::size_t open = at + bar.size();
  while (open < text.size() && text[open] == ' ') ++open;
  if (open >= text.size()) return {};
  const bool braces = text[open] == '{';
  const std::size_t first = open + (braces ? 1 : 0);
  const std::size_t last = braces ? digits_end(text, first) : std::min(first + 1, digits_end(text, first));
  if (last == first || (braces && (last >= text.size() || text[last] != '}'))) return {};
  at = last + (braces ? 1 : 0);
  return text.substr(first, last - first);
}

// What follows the point: digits, and repeating ones as \overline{6}, between two \dot, or, right after the
// point, (6).
std::string fraction(std::string_view text, std::size_t& at) {
  const std::size_t end = digits_end(text, at);
  const bool at_point = end == at;
  std::string digits(text.substr(at, end - at));
  at = end;
  for (const std::string_view bar : kBars) {
    const std::string_view under = barred(text, at, bar);
    if (under.empty()) continue;
    digits.append("(").append(under);
    if (bar == "\\dot") {  // 0.\dot{1}4\dot{2}
      std::size_t last = digits_end(text, at);
      const std::string_view middle = text.substr(at, last - at), closing = barred(text, last, bar);
      if (!closing.empty()) {
        digits.append(middle).append(closing);
        at = last;
      }
    }
    return digits + ")";
  }
  if (at_point && at < text.size() && text[at] == '(') {
    const std::size_t last = digits_end(text, at + 1);
    if (last > at + 1 && last < text.size() && text[last] == ')') {
      digits += text.substr(at, last + 1 - at);
      at = last + 1;
    }
  }
  return digits;
}

// "e3" of "1.5e3": a letter that stands between digits. "" when there is none.
std::string exponent(std::string_view text, std::size_t& at) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return "";
  const std::size_t sign = at + 1 < text.size() && (text[at + 1] == '-' || text[at + 1] == '+') ? 1 : 0;
  const std::size_t end = digits_end(text, at + 1 + sign);
  if (end == at + 1 + sign || (end < text.size() && is_letter(text[end]))) return "";
  std::string power = "e" + std::string(text.substr(at + 1, end - at - 1));
  at = end;
  return power;
}

}  // namespace

bool starts_number(std::string_view text, std::size_t at) {
  if (is_digit(text[at])) return true;
  const std::string_view next = text.substr(at + 1);
  return text[at] == '.' && !next.empty() && (is_digit(next[0]) || starts_bar(next));
}

Token scan_number(std::string_view text, std::size_t& at) {
  bool bare_comma = false, whole_only = true;
  std::size_t end = digits_end(text, at);
  std::string digits(text.substr(at, end - at));
  if (!digits.empty() && digits.size() <= 3) {
    for (std::size_t start = next_group(text, end, bare_comma); start != 0;
         start = next_group(text, end, bare_comma)) {
      end = start + 3;
      digits += text.substr(start, 3);
    }
  }
  at = end;
  if (at < text.size() && text[at] == '.') {
    const std::string_view rest = text.substr(at + 1);
    const char next = rest.empty() ? '\0' : rest[0];
    if (is_digit(next) || starts_bar(rest) || (next == '(' && rest.size() > 1 && is_digit(rest[1]))) {
      whole_only = false;
      ++at;
      digits += '.';
      digits += fraction(text, at);
    } else if (!digits.empty() && next != '.' && !is_letter(next)) {
      ++at;  // "5." is 5
    }
  }
  digits += exponent(text, at);
  return {TokenKind::number, std::move(digits), false, bare_comma && whole_only};
}

}  // namespace pope
