// What runs are doing now, at the head of a page that follows them.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string live_section(const Json& report);  // "" on a page that follows nothing

}  // namespace pope
