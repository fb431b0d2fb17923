// The results section: the headline, one row per method with its interval, and the table of pass@k.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string results_section(const Json& report);

}  // namespace pope
