// Reading and comparing exact numbers.
#include "verify/number.h"

#include <utility>

#include "core/chars.h"

namespace pope {
namespace {

__extension__ typedef __int128 Int128;

Int128 integer_of(const std::string& digits, std::size_t zeros) {
  Int128 value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  for (std::size_t i = 0; i < zeros; ++i) value *= 10;
  return value;
}

// The number as a quotient of integers.
std::pair<Int128, Int128> quotient(const Number& n) {
  return {integer_of(n.top.whole + n.top.fraction, n.bottom.fraction.size()),
          integer_of(n.bottom.whole + n.bottom.fraction, n.top.fraction.size())};
}

}  // namespace

bool equal(const Number& a, const Number& b) {
  if (a.negative != b.negative) return false;
  if (a.top == b.top && a.bottom == b.bottom) return true;
  // With at most 19 digits a side, top and bottom as integers stay within 10^19 and their products below
  // 2^127.
  if (a.top.digits() + a.bottom.digits() > 19 || b.top.digits() + b.bottom.digits() > 19) return false;
  const auto [a_top, a_bottom] = quotient(a);
  const auto [b_top, b_bottom] = quotient(b);
  return a_top * b_bottom == b_top * a_bottom;
}

bool NumberReader::take(std::string_view what) {
  if (in_.text.compare(at_, what.size(), what) != 0) return false;
  at_ += what.size();
  return true;
}

void NumberReader::digits(std::string& into) {
  for (bool first = true; is_digit(peek(0)) && (first || !gap(0)); first = false) into += in_.text[at_++];
}

// ",ddd", no digit after it.
bool NumberReader::group(std::string& into) {
  if (peek(0) != ',' || gap(0) || (is_digit(peek(4)) && !gap(4))) return false;
  for (std::size_t i = 1; i <= 3; ++i)
    if (!is_digit(peek(i)) || gap(i)) return false;
  into += in_.text.substr(at_ + 1, 3);
  at_ += 4;
  return true;
}

std::optional<Decimal> NumberReader::decimal() {
  const std::size_t start = at_;
  Decimal value;
  digits(value.whole);
  if (at_ > start && at_ - start <= 3)
    while (group(value.whole)) {
    }
  const bool point = peek(0) == '.' && is_digit(peek(1)) && (at_ == start || !gap(0)) && !gap(1);
  if (at_ == start && !point) return std::nullopt;
  if (point) {
    ++at_;
    digits(value.fraction);
  }
  value.whole.erase(0, value.whole.find_first_not_of('0'));
  value.fraction.erase(value.fraction.find_last_not_of('0') + 1);
  return value;
}

std::optional<Number> NumberReader::number() {
  Number value;
  value.negative = take("-");
  if (!value.negative) take("+");
  const bool latex = take("\\frac{");
  if (latex && take("-")) value.negative = !value.negative;
  const std::optional<Decimal> top = decimal();
  if (!top) return std::nullopt;
  value.top = *top;
  const std::size_t after_top = at_;
  if (take(latex ? "}{" : "/")) {
    const std::optional<Decimal> bottom = decimal();
    if (bottom && !bottom->zero())
      value.bottom = *bottom;
    else
      at_ = after_top;  // "5/x": the number is 5
  }
  if (latex && (at_ == after_top || !take("}"))) return std::nullopt;
  if (value.top.zero()) value.negative = false;
  return value;
}

}  // namespace pope
