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
// [{run, label, guided, found, fallback, unsampled, ungraded, without_solution, without_prefix,
//   leaks_prevented, tokens, lengths: {worked, fallback, untried}}]; lengths: from guided.jsonl, counts of
// fractions of the solution in [0, 0.1), … [0.9, 1], null when nothing was guided. A file that cannot be read
// is noted in run.notes.
Json build_guiding(std::vector<RunData>& runs);
// [{verb, rows: [{label, runs: [name], settings: {key: value}}]}]: per verb the settings that differ between
// its runs. Paths as file names.
Json build_differences(const std::vector<RunData>& runs);
// [{name, verb, label, seed, complete, started, starts, version, system, threads, seconds, notes}]
Json build_runs(const std::vector<RunData>& runs);
// Runs that stand for seeds of one method and are none: same seed twice, or other settings.
std::vector<std::string> doubtful_seeds(const std::vector<RunData>& runs);

}  // namespace pope
