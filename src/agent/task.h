// Tasks: what the agent is to do, how far it may go, and how it is found out whether it is done. A task is
// one line of a JSON Lines file (docs/agent.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace pope {

// What one attempt may spend; told to the agent beforehand.
struct TaskLimits {
  int steps = 8;               // actions
  int calls = 12;              // replies of the model
  std::int64_t tokens = 8000;  // sampled, all replies together
  double seconds = 600;
  double check_s = 60;  // of the check's command, after the attempt
};
// Those that a task names itself.
struct OwnLimits {
  std::optional<int> steps, calls;
  std::optional<std::int64_t> tokens;
  std::optional<double> seconds;
};

// What is outside the agent and says whether a task is done: a command with an exit status, or a reference
// answer for the verifier. Exactly one of them.
struct Check {
  std::string command;  // by sh; 0: done, 1 … 125: not done, anything else: the check itself failed
  std::string answer;
  std::map<std::string, std::string> files;  // name → content, which the agent never sees
  std::optional<double> timeout_s;
};

struct Task {
  std::string id;
  std::string type;  // what is learned is learned per type
  std::string instruction;
  std::map<std::string, std::string> files;  // path → content, in the scratch folder from the beginning
  Check check;
  OwnLimits limits;
  int priority = 0;  // larger first
};

// In bytes; longer ones are refused.
constexpr std::size_t kMostInstruction = 64 << 10, kMostFiles = 1 << 20;

// What an attempt at the task may spend: what it says itself, and `defaults` for the rest.
TaskLimits limits_of(const Task& task, TaskLimits defaults);

// A row of a task file; without "type" that of classify(). `where` = "FILE:LINE". Error: a missing, mistyped
// or unknown field, no check or two, a file name that leaves the folder, a text that is too long.
Task task_from_json(const Json& row, const std::string& where);
Json to_json(const Task& task);
// All rows; without "id" they are called "FILESTEM-LINE". Error: an id twice, an empty file.
std::vector<Task> read_tasks(const std::filesystem::path& path);

// The type of a task that names none, by the words of its instruction; a function of the text alone:
// python | json | shell | files | strings | arithmetic | other.
std::string classify(std::string_view instruction);

}  // namespace pope
