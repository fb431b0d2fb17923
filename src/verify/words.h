// The vocabulary of answers: commands, functions, words. Units stand in units.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pope {

// \cdot → "*", \leq → "<=", … ; what stands for an operator.
std::optional<std::string_view> operator_command(std::string_view command);
// Commands and plain words that name a function: "sin", "arcsin", "log", "sqrt", "frac", "binom", "gcd", …
// Other spellings map to one ("dfrac" → "frac", "asin" → "arcsin").
std::optional<std::string_view> function_name(std::string_view word);
// Commands that say nothing about value: sizes, styles, spaces.
bool is_silent_command(std::string_view command);
// Commands that say nothing and take an argument that says nothing: \color{red}, \hspace{1em}.
bool is_silent_with_argument(std::string_view command);
// \text, \mathrm and others, whose argument is text or upright.
bool is_text_command(std::string_view command);
// Greek letters and other symbols written as plain words ("pi", "theta", "infinity").
std::optional<std::string_view> plain_symbol(std::string_view word);
// A run of letters outside \text that is meant as a word, not as a product of variables.
bool is_plain_word(std::string_view run);
// What an answer says in words: lower case letters and digits, without spaces, commands and brackets around
// it.
std::string text_key(std::string_view text);

}  // namespace pope
