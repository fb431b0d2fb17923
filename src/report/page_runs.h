// The end of the page: rollout browser, settings that differ, runs, warnings.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string rollouts_section(const Json& report);  // the frame, which the script fills; "" without rollouts
std::string runs_section(const Json& report);

}  // namespace pope
