// Formulas in running text: between delimiters, and runs of words that read like one ("48 + 24 = 72").
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

namespace pope {

struct Formula {
  std::string_view content;
  std::size_t begin = 0, end = 0;  // in the text, with delimiters
  bool delimited = false;
};

// Reads from left to right; linear in the text as a whole, also where openers have no closers.
class FormulaReader {
 public:
  explicit FormulaReader(std::string_view text) : text_(text) {}
  // The formula that opens at `at` with $, $$, \( or \[; positions must not go down from call to call. A
  // dollar sign of money opens none: "$5 and $6".
  std::optional<Formula> delimited(std::size_t at);
  // The run of words that starts at `at`, of which each reads like part of a formula; it ends with a word
  // that ends in a comma or a stop. Nothing when the first one does not read so.
  std::optional<Formula> run(std::size_t at);

 private:
  std::size_t dollar_end(std::size_t at) const;

  std::string_view text_;
  bool no_dollars_ = false, no_parenthesis_ = false, no_bracket_ = false;  // no closer from here on
};

// All of them, in order.
void for_each_formula(std::string_view text, const std::function<void(const Formula&)>& visit);

// What stands behind the last "=" outside braces, without the rest of an aligned formula; the whole where
// there is none.
std::string_view last_side(std::string_view formula);

}  // namespace pope
