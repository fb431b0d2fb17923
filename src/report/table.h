// The table of pass@k, in the shape of the paper's Table 2, and the sentence that sums it up.
#pragma once

#include <string>
#include <vector>

#include "report/run_data.h"

namespace pope {

// Rows {method, set, guided, metric, value, low, high, runs, interval, gain, clear}; see report.h. From eval
// runs; for a method without any, from the last evaluation while training, without interval. `baseline`: the
// method that gains are against; "": none.
Json build_table(const std::vector<RunData>& runs, const std::vector<std::string>& methods,
                 const std::string& baseline);

// {"text", "set", "metric", "method", "baseline"}: the best method, against the baseline where there is one,
// unguided, on the hard set (the first set whose name contains "hard", else the first), at the largest k.
// text alone when there is no table.
Json build_headline(const Json& table, const std::vector<std::string>& methods, const std::string& baseline);

}  // namespace pope
