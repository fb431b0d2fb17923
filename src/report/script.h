// The page's script: charts that answer the pointer, and the rollout browser.
#pragma once

namespace pope {

extern const char* const kScript;

}  // namespace pope
