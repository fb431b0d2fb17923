// From the end of the text backwards.
#include "verify/last_number.h"

#include <algorithm>

#include "core/chars.h"
#include "verify/formulas.h"
#include "verify/numerals.h"

namespace pope {
namespace {

bool starts_at(std::string_view text, std::size_t at) { return at < text.size() && starts_number(text, at); }

// Whether a digit stands in the formula that is not part of a name, as in A_1.
bool holds_number(std::string_view formula) {
  for (std::size_t i = 0; i < formula.size(); ++i) {
    if (is_digit(formula[i])) return true;
    if (formula[i] != '_' || i + 1 >= formula.size()) continue;
    i = formula[i + 1] == '{' ? std::min(formula.find('}', i), formula.size()) : i + 1;
  }
  return false;
}

// Whether a run without delimiters is more than a calculation with numbers: commands, exponents, subscripts,
// roots, "2x", "3/x".
bool is_notation(std::string_view run) {
  constexpr std::string_view kVariables = "xyznkab";  // what is no unit behind a number
  for (std::size_t i = 0; i < run.size(); ++i) {
    const char next = i + 1 < run.size() ? run[i + 1] : ' ', after = i + 2 < run.size() ? run[i + 2] : ' ';
    const std::string_view rest = run.substr(i);
    if (run[i] == '^' || run[i] == '_' || (run[i] == '\\' && is_letter(next))) return true;
    for (const std::string_view sign :
         {"√", "∛", "²", "³", "¹", "\xE2\x81"})  // the last: the other superscripts
      if (rest.starts_with(sign)) return true;
    const bool variable = kVariables.find(next) != std::string_view::npos && !is_letter(after);
    if (variable && (is_digit(run[i]) || run[i] == '/')) return true;
  }
  return false;
}

// Whether what ends at `end` makes a difference of a minus sign behind it: "48-2", "x - 5", not "= - 5".
bool is_operand(std::string_view text, std::size_t end) {
  std::size_t last = end;
  while (last > 0 && text[last - 1] == ' ') --last;
  if (last == 0) return false;
  const char c = text[last - 1];
  const std::string_view before = text.substr(0, last);
  for (const std::string_view word : {" is", " are", " equals", " gives"})
    if (before.ends_with(word)) return false;
  return is_digit(c) || is_letter(c) || c == ')' || c == ']' || c == '}' || c == '$' || c == '%';
}

// "-" when the number at `begin` has a minus sign before it, also "- 5" and "-$5".
bool is_negative(std::string_view text, std::size_t begin) {
  std::size_t at = begin;
  for (const std::string_view currency : {"\\$", "$", "€", "£"})
    if (text.substr(0, at).ends_with(currency)) {
      at -= currency.size();
      break;
    }
  const bool spaced = at == begin && at > 0 && text[at - 1] == ' ';
  if (spaced) --at;
  const std::string_view before = text.substr(0, at);
  const std::size_t sign = before.ends_with('-') ? 1 : before.ends_with("−") ? 3 : 0;
  if (sign == 0) return false;
  const std::size_t left = at - sign;
  if (spaced && (left == 0 || text[left - 1] == '\n')) return false;  // an item of a list
  if (!spaced && left > 0 && text[left - 1] == ' ') return true;      // "x -5"
  return !is_operand(text, left);
}

// Whether the number at `begin` belongs to something before it: an exponent, an index, an argument, a
// divisor.
bool is_piece(std::string_view text, std::size_t begin) {
  if (begin == 0) return false;
  const std::string_view before = text.substr(0, begin);
  return std::string_view("^_{/\\").find(before.back()) != std::string_view::npos || before.ends_with("√") ||
         before.ends_with("∛");
}

bool is_proper_fraction(std::string_view top, std::string_view bottom) {
  return top.size() < bottom.size() || (top.size() == bottom.size() && top < bottom);
}

// The end of the number at `at`: "1,234.5", "1{,}234", "1 234", "3/4", "2 1/2", "12:30", "50%".
std::size_t number_end(std::string_view text, std::size_t at) {
  const auto scan = [&](std::size_t from) {
    const std::size_t start = from;
    scan_number(text, from);
    return from > start + 1 && text[from - 1] == '.' ? from - 1 : from;  // without a full stop
  };
  const auto whole_end = [&](std::size_t from) {
    while (from < text.size() && is_digit(text[from])) ++from;
    return from;
  };
  std::size_t end = scan(at);
  if (end < text.size() && text[end] == '/' && starts_at(text, end + 1)) {
    end = scan(end + 1);
  } else if (end < text.size() && text[end] == ' ' && whole_end(at) == end) {
    const std::size_t slash = whole_end(end + 1);
    if (slash > end + 1 && slash < text.size() && text[slash] == '/') {
      const std::size_t last = whole_end(slash + 1);
      if (is_proper_fraction(text.substr(end + 1, slash - end - 1), text.substr(slash + 1, last - slash - 1)))
        end = last;
    }
  }
  while (end < text.size() && text[end] == ':' && starts_at(text, end + 1)) end = scan(end + 1);
  for (const std::string_view percent : {"%", "\\%", " %", " \\%"})
    if (text.substr(end).starts_with(percent)) return end + percent.size();
  return end;
}

// The last number between `begin` and `end`, outside formulas; "" when there is none.
std::string last_plain_number(std::string_view text, std::size_t begin, std::size_t end) {
  text = text.substr(0, end);
  std::string found;
  for (std::size_t i = begin; i < end; ++i) {
    if (text[i] == '\\' || is_letter(text[i])) {  // digits of a word or behind a command are no number
      const bool command = text[i] == '\\';
      while (i + 1 < end && (is_letter(text[i + 1]) || (!command && is_digit(text[i + 1])))) ++i;
      continue;
    }
    if (!starts_number(text, i)) continue;
    const std::size_t last = number_end(text, i);
    const std::string_view number = text.substr(i, last - i);
    const bool digits = std::any_of(number.begin(), number.end(), is_digit);  // not ".\bar"
    if (digits && !is_piece(text, i)) found = (is_negative(text, i) ? "-" : "") + std::string(number);
    i = last - 1;
  }
  return found;
}

std::string answer_of(const Formula& formula, std::string_view text) {
  std::string_view value = last_side(formula.content);
  if (!holds_number(value)) value = trim(formula.content);
  std::string answer(value);
  if (!formula.delimited) return answer;
  const bool number = value.size() == trim(formula.content).size() && starts_at(value, 0);
  if (number && is_negative(text, formula.begin)) answer = "-" + answer;
  for (const std::string_view percent : {"%", "\\%"})
    if (text.substr(formula.end).starts_with(percent)) answer += percent;
  return answer;
}

}  // namespace

std::string last_number(std::string_view text) {
  std::string found;
  std::size_t passed = 0;
  const auto plain = [&](std::size_t end) {
    if (std::string number = last_plain_number(text, passed, end); !number.empty()) found = std::move(number);
  };
  for_each_formula(text, [&](const Formula& formula) {
    if (!formula.delimited && !is_notation(formula.content)) return;  // "48 + 24": numbers one by one
    plain(formula.begin);
    if (holds_number(formula.content)) found = answer_of(formula, text);
    passed = formula.end;
  });
  plain(text.size());
  return found;
}

}  // namespace pope
