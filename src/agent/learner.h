// The momentum learner: which approach an agent takes to a type of task, and when it is guided. One per
// (agent, type), as a value; pure functions of what happened. Nothing in it knows of another type.
//
// Weights are whole numbers of half ticks (1/40), so that thresholds are exact: an unguided outcome moves a
// weight by a tick, 0.05, a success with help by half a tick. Beside it goes a teacher, an exponential moving
// average of the weight, and both vote: the approach with the largest 0.6·weight + 0.4·teacher is taken.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/files.h"

namespace pope {

inline constexpr int kHalfTicks = 40;                           // of weight 1
inline constexpr int kFirstWeight = 20, kFloor = 4, kCap = 36;  // 0.5, 0.1, 0.9
inline constexpr int kGuidedBelow = 12, kUnguidedFrom = 16;     // 0.3, 0.4
inline constexpr int kFailuresInARow = 5;                       // unguided, of a type: then it is guided
inline constexpr int kRecent = 8;                               // unguided outcomes looked at for leaving
inline constexpr double kStudent = 0.6, kTeacher = 0.4, kUnguidedEma = 0.3;

// What is known of an approach to one type of task.
struct ApproachState {
  int half_ticks = kFirstWeight;
  double teacher = 0.5;
  double unguided_success = 0;  // p_u: exponential moving average of unguided outcomes
  std::vector<int> recent;      // the last kRecent unguided outcomes, 1 or 0, the newest last

  bool guided = false;      // whether it is in guided mode
  bool guided_turn = true;  // in guided mode: whether the next attempt is a guided one
  std::int64_t trace = 0;   // the trace that guides it; 0: none is chosen
  int full_prefix = 0;      // L*: steps of it that were enough, or are tried
  int guided_failures = 0;  // in a row, since the prefix grew

  double weight() const { return static_cast<double>(half_ticks) / kHalfTicks; }
  double vote() const { return kStudent * weight() + kTeacher * teacher; }
};

struct LearnerState {
  std::map<std::string, ApproachState> approaches;
  int failures_in_a_row = 0;  // unguided, whichever approach
  std::int64_t attempts = 0;  // that were planned
  std::int64_t ended = 0;     // that passed or failed

  ApproachState& of(const std::string& approach) { return approaches[approach]; }
};
Json to_json(const LearnerState& state);
LearnerState learner_from_json(const Json& json);

// The approaches of `names` by their votes, the largest first; of equal ones the order is drawn by the seed,
// the agent, the type and the number of attempts. Those without a state have the first one.
std::vector<std::string> vote(const LearnerState& state, const std::vector<std::string>& names,
                              const std::string& agent, const std::string& type, std::uint64_t seed);

// The outcome of an unguided attempt: the check's word. `decay` is the teacher's: T ← decay·T + (1 −
// decay)·weight.
void learn_unguided(LearnerState& state, const std::string& approach, bool passed, double decay);
// Of one with help, a trace or a reflection: a success moves the weight by half a tick and counts for nothing
// else; a failure is no fault of the approach.
void learn_helped(LearnerState& state, const std::string& approach, bool passed, double decay);

// How many steps of the trace are shown: ⌊L*·max(0, 1 − p_u/0.5)⌋. An average never falls to 0 again, which
// would cost a step for ever: below 0.01 it is taken for 0.
int prefix_length(const ApproachState& state);
// The grid of prefixes of a trace of `steps` steps, ascending: 1/8, 1/4, 3/8 and 1/2 of it, rounded down, at
// least one step, at most half, never the last. Empty: a trace of fewer than two steps.
std::vector<int> prefix_grid(int steps);
// After a guided attempt: after two failures in a row the prefix is one notch of the grid longer.
void learn_prefix(ApproachState& state, bool passed, int trace_steps);

}  // namespace pope
