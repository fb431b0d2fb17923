// Curves over training steps: per metric and method the mean over runs, with the smallest and largest run as
// band.
#pragma once

#include <string>
#include <vector>

#include "report/run_data.h"

namespace pope {

// [{key, title, unit, main, window, series: [{method, runs, x, mean, low, high}]}], the ones to read first in
// front; titles and units by core/metrics.h. unit: "%" (values are fractions), "tokens", "nats", "s",
// "versions", or "". window: steps averaged into one point.
Json build_curves(const std::vector<RunData>& runs, const std::vector<std::string>& methods);

// "256 rollouts each" when one training step costs the same number everywhere; "" otherwise.
std::string step_cost(const std::vector<RunData>& runs);

}  // namespace pope
