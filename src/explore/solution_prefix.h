// The pure part of prefixes of a solution: where it may be cut, and which cuts a coarse grid tries.
#pragma once

#include <string>
#include <vector>

#include "explore/guidance_source.h"

namespace pope {

struct Prefix {
  std::string text;     // without trailing whitespace
  double fraction = 0;  // of the solution, in bytes
};

// All prefixes that end at a step and are shorter than the whole: shortest first, without duplicates.
std::vector<Prefix> step_prefixes(const Problem& problem, const std::string& boundary);

// Of these the ones that config.grid points up to max_fraction move to: each to the nearest step end at or
// before it (or the first step end). Empty when the solution has a single step.
std::vector<Prefix> grid_prefixes(const Problem& problem, const GuideConfig& config);

}  // namespace pope
