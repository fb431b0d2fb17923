// The page's script, in parts that stand one behind the other in one function.
#pragma once

#include <string>

namespace pope {

extern const char* const kPageScript;     // hides, sorts, saves, loads anew; charts that answer the pointer
extern const char* const kRolloutScript;  // the rollout browser; links into the page
extern const char* const kLiveScript;     // takes over what is new on a page that follows runs

inline std::string page_script() {
  return std::string(kPageScript) + kRolloutScript + kLiveScript + "})();\n";
}

}  // namespace pope
