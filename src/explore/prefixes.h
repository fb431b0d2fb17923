// All prefixes of an oracle solution that end at a step and are shorter than the whole: what the search
// chooses from.
#pragma once

#include <string>
#include <vector>

#include "explore/guide.h"

namespace pope {

// Shortest first, without duplicates, not checked for leaks.
std::vector<Prefix> step_prefixes(const Problem& problem, const std::string& boundary);

}  // namespace pope
