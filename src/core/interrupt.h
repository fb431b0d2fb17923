// Stopping on request: Ctrl-C (SIGINT) and SIGTERM. Work that saves what it has asks between two pieces
// whether it is to stop. Elsewhere the signals end the program at once, as usual.
#pragma once

#include <stdexcept>
#include <string>

namespace pope {

// As long as it lives, the first signal is a request, and the second one ends the program at once. A signal
// that was ignored before stays so (nohup). One at a time.
class CatchInterrupts {
 public:
  CatchInterrupts();
  ~CatchInterrupts();
  CatchInterrupts(const CatchInterrupts&) = delete;
  CatchInterrupts& operator=(const CatchInterrupts&) = delete;
};

// Thrown where work was stopped by request, so that it can be gone on with.
class Interrupted : public std::runtime_error {
 public:
  // `when`: "after step 7", "" where nothing is known.
  explicit Interrupted(const std::string& when = "");
  int exit_code() const { return exit_code_; }  // 130: SIGINT; 143: SIGTERM, or another process was asked

 private:
  int exit_code_;
};

// Whether a stop was requested. From any thread.
bool interrupted();
// Throws Interrupted where one was.
void stop_if_interrupted();

}  // namespace pope
