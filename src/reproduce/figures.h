// The charts of a study: a metric of some arms against training steps or against another metric, which draws
// the path of training in the plane of the two. Mean over bases of each base's mean over its runs.
#pragma once

#include <vector>

#include "core/files.h"
#include "reproduce/jobs.h"
#include "reproduce/plan.h"

namespace pope {

// → [{study, title, x, y, percent, series: [{name, color, bases, x, mean, low, high}]}], where low and high
// are the lowest and highest base (the mean, against another metric than rollouts/hard). Bases where a run of
// the arm is not complete are left out. Rows are averaged into at most 30 points; a step that not all runs
// have is left out. A figure without points is left out.
Json figures_of(const Plan& plan, const std::vector<Study>& studies, const Runs& runs);

}  // namespace pope
