// What may stand behind a value without changing it: units of measure, from a list, and things that are
// counted. And words that do change it ("12 squared", "3 quarters", "12 or 13"), which are no units.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pope {

// One spelling per unit: "centimeters" → "cm", "degrees" → "deg", "dollars" → "$". Other words come back in
// lower case, without a plural "s".
std::string unit_name(std::string_view word);
// A unit of measure or a currency, in any spelling of the list.
bool is_measure(std::string_view word);
// A letter that is a unit behind a value in upright type: "m" of 5\text{m}, not "x" of 3\text{x}.
bool is_unit_letter(char c);
// Things that are counted, "apples", "stuffed goats", "pieces of cake", "years old": ends with a noun in the
// plural or one of a list; no word of it says another value, doubts or denies.
bool is_counted(const std::vector<std::string_view>& words);
// Words that add nothing behind a unit: "old", "each", "in total".
bool is_remark(std::string_view word);
// Words that make another answer of what they stand with: "or", "not", "maybe", "half", "less", "two".
bool changes_value(std::string_view word);
// "million" → 1000000; 0 when the word is no multiplier.
long multiplier(std::string_view unit);
// "thirds" → 3, "tenth" → 10; 0 when the word names no part.
long part_word(std::string_view word);
// "two" → "2", "sixteen" → "16"; nothing for other words.
std::optional<std::string_view> numeral(std::string_view word);

// A product of powers of units, as "km/h" and "kilometers per hour".
class Unit {
 public:
  void times(std::string_view name, int power);
  bool empty() const { return factors_.empty(); }
  // One text for one unit: "m/s2", "km/h".
  std::string text() const;

 private:
  std::vector<std::pair<std::string, int>> factors_;
};

// How many of the smaller unit the larger one has, "h" and "min": 60; 0 where they measure other things.
long units_in(std::string_view larger, std::string_view smaller);

}  // namespace pope
