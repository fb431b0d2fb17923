// Exact numbers as answers spell them: signed quotients of decimals of any length. Never floating point.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "verify/normalize.h"

namespace pope {

// An unsigned decimal, without leading zeros before the point and trailing zeros after it.
struct Decimal {
  std::string whole, fraction;  // zero: both empty
  bool operator==(const Decimal&) const = default;
  bool zero() const { return whole.empty() && fraction.empty(); }
  std::size_t digits() const { return whole.size() + fraction.size(); }
};

struct Number {
  bool negative = false;
  Decimal top, bottom{"1", ""};  // bottom is not zero
};

// Exact equality: decimals of any length; quotients while a side has at most 19 digits (beyond that only when
// their parts are equal one by one).
bool equal(const Number& a, const Number& b);

// Reads numbers from normalised text, never across a gap.
class NumberReader {
 public:
  NumberReader(const Normal& in, std::size_t at) : in_(in), at_(at) {}
  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == in_.text.size(); }

  // "1,234.50", ".5", "007".
  std::optional<Decimal> decimal();
  // decimal, decimal/decimal or \frac{decimal}{decimal}, with a sign or without. Nothing when divided by
  // zero.
  std::optional<Number> number();

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < in_.text.size() ? in_.text[at_ + ahead] : ' '; }
  bool gap(std::size_t ahead) const { return in_.gap[at_ + ahead]; }
  bool take(std::string_view what);
  void digits(std::string& into);
  bool group(std::string& into);

  const Normal& in_;
  std::size_t at_;
};

}  // namespace pope
