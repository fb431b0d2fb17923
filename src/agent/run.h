// The executor: workers that claim tasks, attempt them and learn from what the check says, until none is
// left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "agent/act.h"

namespace pope {

struct AgentRun {
  std::filesystem::path store;
  AgentConfig config;
  std::uint64_t seed = 1;
  const AgentModel& model;
  const Verifier& verifier;
  // Called for each attempt that ended, one at a time: {attempt, task, type, approach, mode, end, cause,
  // calls}, as in the store.
  std::function<void(const Json&)> on_attempt = [](const Json&) {};
};

// Works until no task waits or runs, in whatever process, or agent.max_calls is used up; then {attempts,
// passed, failed, faults, calls, tokens, dead, waiting, seconds}. Interrupted: a stop was requested; what was
// begun is released. Error: the store, or a sandbox that is wanted and cannot run here.
Json run_agent(const AgentRun& run);

}  // namespace pope
