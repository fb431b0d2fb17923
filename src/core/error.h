// The one exception of pope. It says what was being done, what was wrong, and how to mend it. It is thrown
// when the caller cannot go on; expected outcomes, such as an unparsable answer, are values instead.
#pragma once

#include <stdexcept>
#include <string>

namespace pope {

class Error : public std::runtime_error {
 public:
  // what() reads "[operation] message" and, where a hint is given, a second line "hint: …".
  Error(const std::string& operation, const std::string& message, const std::string& hint = "")
      : std::runtime_error("[" + operation + "] " + message + (hint.empty() ? "" : "\n  hint: " + hint)) {}
};

}  // namespace pope
