// What runs are doing now, for a page that follows them.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "report/run_data.h"

namespace pope {

// Whether a command holds the run's directory, by the lock that it keeps as long as it lives
// (core/run_dir.h). Nothing where the system does not say. Takes no lock itself, so that no command is kept
// from starting.
std::optional<bool> is_held(const std::filesystem::path& run);

// [{run, verb, label, state, step, steps, finished, step_s, sampler_wait, learner_wait, written, recent}],
// runs that go on first. state: running | stopped | complete | unknown. step, steps: done, and to do in all.
// finished: problems that a sampling verb has finished. step_s: seconds of the last step; sampler_wait and
// learner_wait: the parts of it that each side waited. recent: [{step, no_signal, groups}], the last steps.
// written: when the newest of its files was, in seconds since 1970. What a run has not is null.
Json build_live(const std::vector<RunData>& runs);

}  // namespace pope
