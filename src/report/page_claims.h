// The claims section of `pope reproduce`: what the paper says beside what was measured, and the charts of
// each study.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string claims_section(const Json& report);  // "" where there are no claims

}  // namespace pope
