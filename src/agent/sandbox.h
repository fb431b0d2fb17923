// A sandbox for what a model wants to run: bubblewrap, from the distribution. Inside there are the system's
// programs to read, a scratch folder to write, and nothing else: no network, no environment, no other
// process, no home, no key. Every command runs in namespaces of its own, which end with it, with a timeout,
// and with pope, however that ends.
//
// What is bounded: time, memory, processes, disk, output. Memory of all processes together, and the disk, are
// looked at every 50 ms: what is written in such a moment may go over. It is no defence against faults of the
// kernel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/process.h"

namespace pope {

struct SandboxLimits {
  int memory_mb = 1024;  // of one process's addresses, and of all processes together
  int processes = 64;
  int disk_mb = 64;  // of scratch and /tmp together, and of one file
  int files = 10000;
  double command_s = 30;
  int output_kb = 16;
};

class Sandbox {
 public:
  // Makes `folder`, which must not be there, with the scratch folder in it. Error: it cannot be made.
  Sandbox(const std::filesystem::path& folder, const SandboxLimits& limits);
  // Removes the folder, whatever is in it.
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // Why no sandbox can run here, with a hint; "": it can. Tries it once.
  static const std::string& unavailable();

  const std::filesystem::path& scratch() const { return scratch_; }
  // Gives files that pope wrote there to whom commands run as. To be called before the first command.
  void hand_over() const;

  // Which limit on the disk the files of the attempt break: "more than 64 MB on the disk", or "".
  std::string overfull() const { return overfull(tmp_); }

  // Runs a command by sh in the scratch folder. `check`: a folder to be seen, read-only, as $CHECK.
  ProcessEnd run(const std::string& command, const std::string& input, double timeout_s,
                 const std::optional<std::filesystem::path>& check = std::nullopt) const;

 private:
  std::string overfull(const std::filesystem::path& tmp) const;
  std::filesystem::path folder_, scratch_, tmp_;
  SandboxLimits limits_;
};

// Removes a folder, whatever modes its folders have. Error: something stays.
void remove_scratch(const std::filesystem::path& folder);

}  // namespace pope
