// The page of `pope agent report`: one self-contained HTML file, which needs neither script nor network.
#pragma once

#include <string>

#include "agent/config.h"

namespace pope {

// Weights over outcomes per type, guided against unguided success, the length of prefixes, what each trace
// earned, and the newest `most` attempts step by step.
std::string agent_page(Database& database, const TraceLimits& limits, int most);

}  // namespace pope
