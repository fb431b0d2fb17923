// What the store holds, to be read: as JSON for `pope agent status|traces|history`, and as problems to train
// on.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/config.h"
#include "data/problem.h"

namespace pope {

// {tasks: {waiting, running, succeeded, dead}, types: [{agent, type, outcomes, failures_in_a_row, approaches:
// [{name, weight, teacher, unguided_success, guided, trace, prefix}]}], dead_letters: [{task, reason}],
// traces, reflections: {pending, trace, helped, warning}}. prefix: steps that the next guided attempt is
// shown.
Json agent_status(Database& database);
// Tasks that wait and that a command checks.
int waiting_by_command(Database& database);
// A row per trace, with its worth now.
Json trace_rows(Database& database, const TraceLimits& limits);
// The newest attempts, the newest first, without their steps.
Json attempt_rows(Database& database, int most);
// Everything of one attempt: the task, the record, the steps, the reflection that it followed. Error: there
// is none.
Json attempt_record(Database& database, std::int64_t number);

struct Exported {
  std::vector<Problem> problems;
  int by_command = 0;  // tasks that succeeded and have no reference answer: no verifier could judge them
};
// Tasks that succeeded, with what was said in the shortest attempt that the check took as oracle solution.
Exported export_problems(Database& database);

}  // namespace pope
