// `pope reproduce rates`: every arm that says `grid: true`, once per learning rate, so that each method's own
// rate is chosen by the same rule.
#pragma once

#include <vector>

#include "core/files.h"
#include "reproduce/jobs.h"
#include "reproduce/plan.h"

namespace pope {

// The runs of the grid, ARM-lr-RATE and eval-ARM-lr-RATE, after what they read. What an arm reads of another
// arm is that arm's own run. Error where the plan has no rates or no arm of the grid.
std::vector<Step> rate_grid(const Plan& plan);

// What the complete runs say → [{arm, label, best, rows: [{rate, hard, heldout, bases}]}], unguided pass@1
// as a mean over bases of the mean over RL seeds, null where there is none; `best` is the rate with the
// highest on the hard problems, null where several have it.
Json rate_table(const Plan& plan, const Runs& runs);

}  // namespace pope
