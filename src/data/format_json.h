// JSON Lines, one value a line; and one JSON array, on one line or many.
#pragma once

#include "data/format.h"

namespace pope {

extern const Format json_lines_format, json_array_format;

}  // namespace pope
