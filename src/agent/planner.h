// How the next attempt at a task goes about it: by the learner's vote, guided where the approach is in guided
// mode and it is a guided attempt's turn, and never by a first message that the task was given before.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "agent/brief.h"
#include "agent/learner.h"
#include "agent/trace_store.h"
#include "core/rng.h"

namespace pope {

struct Planned {
  AttemptPlan plan;
  std::string message, key;  // the first message, and what names it
};

// Nothing: whatever could be tried was. Counts the attempt in `state`, and keeps there which trace guides an
// approach and whose turn is next.
std::optional<Planned> plan_attempt(Database& database, const AgentConfig& config, const Task& task,
                                    const std::set<std::string>& tried, std::uint64_t seed,
                                    LearnerState& state);
// The message of a plan that must be followed. A trace that is gone meanwhile is not shown: then the plan is
// unguided.
Planned follow(Database& database, const AgentConfig& config, const Task& task, AttemptPlan plan);

// L* of a trace that is new to an approach: the shortest prefix of it that led this agent to a success; else
// a random one below a quarter, at least a step. `random` is drawn from only then.
int first_prefix(Database& database, const std::string& agent, const Trace& trace, RngStream random);

}  // namespace pope
