// The external check: whether a task is done, as neither the agent nor its model says. A command runs beside
// the scratch folder that the agent leaves, or the verifier compares the final answer with the reference.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "agent/process.h"
#include "agent/queue.h"
#include "verify/verifier.h"

namespace pope {

struct Checked {
  Verified verified = Verified::unknown;
  std::string evidence;  // "exit status 1: …", the verifier's reason
};

// How the command of a check is run: as it is, or in the sandbox that the agent had.
using RunCheck = std::function<ProcessEnd(const std::string& command, double timeout_s)>;

// Runs the command by sh in the scratch folder, with the folder of the check's files as $CHECK. It may read
// the final answer in $CHECK/answer.txt. Without a sandbox, with all that the user may do: the command is the
// user's, and only it could run what the agent answered.
ProcessEnd run_check_command(const std::string& command, double timeout_s,
                             const std::filesystem::path& scratch, const std::filesystem::path& check_folder);

// Writes the check's files and the answer into `check_folder`, then asks. Exit status 0 is passed, 1 to 125
// failed; a check that is too slow, cannot be started or is killed has itself failed, and says nothing of the
// task.
Checked check_task(const Task& task, const std::string& answer, const std::filesystem::path& check_folder,
                   double timeout_s, const RunCheck& run_command, const Verifier& verifier);

}  // namespace pope
