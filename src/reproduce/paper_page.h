// docs/paper.md: the result of `pope reproduce` as a page to read.
#pragma once

#include <string>

#include "core/files.h"

namespace pope {

// Markdown of a claims.json: per study its claims with both sides, the difference, its power and the verdict;
// then the base models that were rejected, what failed, and the settings. Depends on nothing else.
std::string paper_page(const Json& result);

}  // namespace pope
