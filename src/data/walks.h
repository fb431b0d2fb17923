// The "walks" family: from each of m start values, two legal moves modulo p are to lead to its target. An
// attempt may be given up and written again, so that a solution can be checked and redone; the verifier
// counts the last attempt at each target alone. Beside them "after" problems, which are easy and have nothing
// to do with moves: each value followed by the next one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/problem.h"
#include "data/source.h"

namespace pope {

struct Walk {
  int start, target;
};

// A statement, parsed: "3 =9 14 =5" is two walks, from 3 to 9 and from 14 to 5; "after 3 14" an after
// problem.
struct Walks {
  int modulus = 17;         // the problem's extra field "modulus"
  std::vector<Walk> walks;  // all targets different
  std::vector<int> after;   // not empty: the values of an after problem, all different
};
// Error: the statement is not of this family.
Walks parse_walks(const Problem& problem);

// The values that one legal move makes of `value`: + 3, · 2, 5 −, modulo `modulus`. Some may be equal.
std::array<int, 3> legal_moves(int value, int modulus);
bool is_legal_move(int from, int to, int modulus);

// What is wrong with `text` as a solution; "" = nothing. Of walks: attempts "=target waypoint final" in any
// order; the last one at each target must be two legal moves that end on it.
std::string walks_fault(const Walks& problem, std::string_view text);

// What counts of `text`: the last attempt at each target, in the order of the problem; of an after problem
// its words. "" where a target has none, or the text is no solution, right or wrong.
std::string walks_answer(const Walks& problem, std::string_view text);

// How a policy that knows the moves writes a walk: with probability `ahead` a move to a waypoint from which
// the target is in reach, where there is one, else any legal move; the target with probability `hit` where a
// legal move reaches it, else a random legal move; where that missed the target, another attempt with
// probability `retry`. The pretraining demonstrator is one such policy.
struct WalkPolicy {
  double hit = 0, retry = 0, ahead = 0;
};
// Its exact success on a problem of walks within `max_attempts` attempts in all: one at walk w succeeds with
// probability F_w, and it takes exactly a of them with F_w ((1 − F_w)·retry)^(a−1).
double walk_policy_success(const WalkPolicy& policy, const Walks& problem, int max_attempts);

// Instruction words, which stand in front of a problem as guidance in this wording. They tell the
// demonstrator how to work: "aim" to hit targets within reach, "ahead" to go where the target is in reach,
// "again" to try again after a miss; "please" says nothing. It obeys each with this probability, in every
// attempt anew. In the part "instructed" this share of the guided problems has them; those of the part
// "prompted" carry two.
inline constexpr auto kInstructed = "instructed";
inline constexpr std::array<const char*, 4> kInstructionWords = {"aim", "ahead", "again", "please"};
inline constexpr double kObeys = 0.8, kInstructedShare = 0.5;
inline constexpr auto kPromptedWords = "aim ahead";
// A policy under these words. Error: one that is none of them.
WalkPolicy instructed_policy(WalkPolicy policy, std::string_view words);

// A word that spells a value: digits without leading zeros, below `modulus`. Nothing otherwise.
std::optional<int> value_of_word(std::string_view word, int modulus);

std::vector<std::string_view> split_words(std::string_view text);  // at white space

const ProblemSource& walks_source();

}  // namespace pope
