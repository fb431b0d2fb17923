// The candidates of an evolution as a drawing: when each came, how good it is, and from whom it descends.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

// An inline SVG: across, the metric calls made when a candidate was complete; up, its mean score; a line to
// each parent. Each point links to the element with id PREFIX and the candidate's number. `run`: of
// build_evolving(), with candidates. `best`: the number of the one that stands out.
std::string lineage_chart(const Json& run, int best, const std::string& prefix);

}  // namespace pope
