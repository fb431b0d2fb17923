// The curves section: small charts with shared colours; the less important ones and the definitions of their
// metrics folded away.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string curves_section(const Json& report);  // "" where there are no curves

}  // namespace pope
