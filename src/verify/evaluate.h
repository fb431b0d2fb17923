// The value of an expression: exact while it is rational, an enclosure of chosen precision otherwise. Never a
// floating-point guess.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/ast.h"
#include "verify/flint.h"

namespace pope {

class Value {
 public:
  Value() = default;  // no value: undefined, outside the reals, or not enclosed at this precision
  explicit Value(Rational q) : kind_(Kind::rational), q_(std::move(q)) {}
  explicit Value(Ball z) : kind_(Kind::ball), z_(std::move(z)) {}

  bool defined() const { return kind_ != Kind::none; }
  bool is_rational() const { return kind_ == Kind::rational; }
  const Rational& rational() const { return q_; }
  const Ball& ball() const { return z_; }
  // Certainly not zero / exactly zero.
  bool is_nonzero() const;
  bool is_zero() const { return is_rational() && q_.is_zero(); }

 private:
  enum class Kind { none, rational, ball };
  Kind kind_ = Kind::none;
  Rational q_;
  Ball z_;
};

// Where and how an expression is evaluated. Variables get rational values that depend on their name and
// `point` alone; -1 leaves them without a value.
struct Evaluation {
  Budget& budget;
  slong precision = 128;
  int point = -1;
  bool complex = false;  // values outside the reals count (an "i" stands in the answers)
  // Powers and functions that have no value, or an extreme one, count as variables named by their text: what
  // is equal then is equal whatever they are.
  bool opaque = false;
  // Set while evaluating: some part was of a size that `precision` cannot tell from 0 beside 1, or whose last
  // digits it does not reach.
  bool extreme = false;
  slong digits = 0;     // set while evaluating: the most bits of a rational that became an enclosure
  bool linear = false;  // see evaluate_series()
  std::vector<std::pair<std::string_view, Value>> bound;  // variables of the sums around the node
};

// The value as an enclosure. A rational with more digits than the precision holds counts as extreme.
Ball enclose(const Value& value, Evaluation& at);

constexpr int kPoints = 48;
// Whether a point gives the variables whole numbers of several hundreds or more.
constexpr bool is_large_point(int point) { return point % 4 == 3 && point / 4 % 4 >= 2; }

// Reals only unless `at.complex`: a part outside them makes the whole undefined. Odd roots of negative
// numbers are real. Throws OverBudget.
Value evaluate(const Node& node, Evaluation& at);

Value add(const Value& a, const Value& b, Evaluation& at);
Value subtract(const Value& a, const Value& b, Evaluation& at);
Value multiply(const Value& a, const Value& b, Evaluation& at);

// The number as the tokenizer writes it ("1.5e3", "0.1(6)", "1/2"), exactly. Nothing beyond the budget's
// bits.
std::optional<Rational> parse_number(std::string_view text, Budget& budget);
// Wraps an enclosure: nothing when it is not finite, too large, or not real where it should be.
Value checked(Ball z, Evaluation& at);

// The value of a variable of this name at a point.
Value named_value(std::string_view name, const Evaluation& at);

// Variables that are free: not those of a sum.
bool has_variables(const Node& node);
bool has_imaginary(const Node& node);

}  // namespace pope
