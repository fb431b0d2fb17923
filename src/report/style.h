// The page's style sheet.
#pragma once

namespace pope {

extern const char* const kStyle;

}  // namespace pope
