// What the page says beside numbers and curves: mining and guiding summaries, how the methods' settings
// differ, and the list of runs.
#pragma once

#include <string>
#include <vector>

#include "report/run_data.h"

namespace pope {

// Of a result's "seconds": a number, or an object of seconds per stage, with their "total" where stages
// overlap. Null for anything else.
Json total_seconds(const Json& seconds);

// [{run, label, problems, classes, sets, samples, tokens, tokens_fixed, truncated, ungraded,
//   faulty_reference}]
Json build_mining(const std::vector<RunData>& runs);
// [{run, label, guided, found, fallback, without_solution, without_prefix, leaks_prevented, tokens,
// histogram}]; histogram: counts of prefix fractions in [0, 0.1), … [0.9, 1].
Json build_guiding(const std::vector<RunData>& runs);
// [{key, values: {method: value}}]: settings that differ between the trained methods. Paths as file names.
Json build_differences(const std::vector<RunData>& runs, const std::vector<std::string>& methods);
// [{name, verb, label, seed, complete, started, starts, version, system, threads, seconds, notes}]
Json build_runs(const std::vector<RunData>& runs);
// Runs that stand for seeds of one method and are none: same seed twice, or other settings.
std::vector<std::string> doubtful_seeds(const std::vector<RunData>& runs);

}  // namespace pope
