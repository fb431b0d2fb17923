// The charts of a study: a metric of some arms, mean over all runs (seeds and repeats), against training
// steps or against another metric, which draws the path of training in the plane of the two.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/files.h"
#include "reproduce/plan.h"

namespace pope {

// → [{study, title, x, y, percent, series: [{name, color, runs, x, mean, low, high}]}], where low and high
// are the lowest and highest run (the mean, against another metric than rollouts/hard). Rows are averaged
// into at most 30 points; a step that not all runs have is left out. A figure without points is left out.
Json figures_of(const Plan& plan, const std::vector<Study>& studies, const std::vector<std::uint64_t>& seeds,
                const std::filesystem::path& out);

}  // namespace pope
