// The "registers" family: m values mod p, each changed by one legal move per round, so that every value ends
// on its target. What moves are legal is the problem's rule. The verifier must allow any legal walk, so it
// shares the rules with the generator.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/problem.h"
#include "data/source.h"

namespace pope {

// A statement, parsed: "3 14 to * 5" (two rounds) or "3 14 once * 5" (one round), "C 3 14 to * 5" under the
// third rule.
struct Registers {
  int modulus = 17;                         // the problem's extra field "modulus"
  std::vector<int> start;                   // m values
  std::vector<std::optional<int>> targets;  // m of them; nothing = free ("*")
  int rounds = 2;
  int rule = 0;
  std::size_t solution_words() const { return start.size() * static_cast<std::size_t>(rounds); }
  // The values that one legal move makes of `value` (mod modulus) under rule k: + (3 + k), · (2 + k),
  // (5 + k) −, · (3 + k) + 1. Some may be equal.
  std::array<int, 4> moves(int value) const;
  bool is_move(int from, int to) const;
};
// Error: the statement is not of this family.
Registers parse_registers(const Problem& problem);

// A word that spells a value: digits without leading zeros, below `modulus`. Nothing otherwise.
std::optional<int> register_value(std::string_view word, int modulus);

std::vector<std::string_view> split_words(std::string_view text);  // at white space

const ProblemSource& registers_source();

}  // namespace pope
