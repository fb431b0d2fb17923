// Mining and guidance: how many problems of each class, what early stopping saved, how long the prefixes are.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string explore_section(const Json& report);  // "" where nothing was mined or guided

}  // namespace pope
