// What stands around an answer and is no part of its value: introductions, and conditions behind it.
#pragma once

#include <string>
#include <vector>

#include "verify/tokens.h"

namespace pope {

// "… , k ∈ ℤ", "… for all real x": of which names it speaks, and of what values they may have: "Z", "R+",
// "x>0"; "" where it does not say.
struct Condition {
  bool stated = false;
  std::vector<std::string> names;
  std::string domain;
};

// Drops what introduces an answer ("so", "=", "The answer is", "either"); joins names of several words into
// one: "Area of ABC = 6".
void drop_phrases(std::vector<Token>& tokens);
// "]0, 1[" as "(0, 1)".
void turn_outward_brackets(std::vector<Token>& tokens);
// Takes a condition from the end of an answer.
Condition take_condition(std::vector<Token>& tokens);
// "2024-03-05", "3/4/2020": no difference and no quotient.
bool is_date(const std::vector<Token>& tokens);

}  // namespace pope
