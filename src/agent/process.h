// Runs one program to its end, with limits, and leaves nothing of it behind: when it ends, hangs, writes too
// much or pope is killed, its whole process group goes with it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace pope {

struct ProcessSpec {
  std::vector<std::string> arguments;                            // the first is looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  // all of it
  std::string folder = "/";
  std::string input;  // stdin
  double timeout_s = 60;
  std::size_t most_output =
      64 << 10;                 // bytes kept of stdout and stderr together: the first and the last half
  bool keeps_watch_fd = false;  // see watched()
  // Asked many times a second; a text stops the program: "more than 64 MB on the disk".
  std::function<std::string(int pid)> stop;
};

struct ProcessEnd {
  enum class Kind { exited, signalled, timed_out, stopped, interrupted, not_started };
  Kind kind = Kind::not_started;
  int status = 0;      // of exited, or the number of the signal
  std::string output;  // valid UTF-8
  bool output_cut = false;
  std::string reason;  // of stopped, not_started
};

ProcessEnd run_process(const ProcessSpec& spec);

// The command line with a watcher beside it, which ends its process group as soon as pope is gone: it reads
// from fd 3, which run_process() gives it. With keeps_watch_fd the program finds fd 3, too, and can be
// watched(…) again where it has changed its process group.
std::vector<std::string> watched(const std::vector<std::string>& arguments, bool keeps_watch_fd = false);

// In words: "exit status 1", "killed by signal 9", "stopped after 10 s", …
std::string describe(const ProcessEnd& end, double timeout_s);

}  // namespace pope
