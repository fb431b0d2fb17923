// The evolved templates of `pope evolve`: the budget, candidates as a tree with what each changed and where
// it wins, and all that was proposed.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

std::string evolve_section(const Json& report);  // "" where nothing was evolved

}  // namespace pope
