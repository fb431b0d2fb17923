// The page's script, in parts that stand one behind the other in one function.
#pragma once

#include <string>

namespace pope {

extern const char* const kPageScript;     // hides, sorts, saves, loads anew; charts that answer the pointer
extern const char* const kRolloutScript;  // the rollout browser; links into the page

inline std::string page_script() { return std::string(kPageScript) + kRolloutScript + "})();\n"; }

}  // namespace pope
