// What the model is told at the beginning of an attempt. A function of the task, the plan and the settings
// alone: two attempts with the same first message would be the same attempt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/queue.h"

namespace pope {

// What helps an attempt, as the plan names it.
struct Help {
  std::vector<std::string> prefix;  // guided: the first steps of a trace
  std::string reflection;           // reflected: what was made of an earlier failure
};

std::string first_message(const Task& task, const AttemptPlan& plan, const Help& help,
                          const AgentConfig& config);
// Names the message: 16 hexadecimal digits.
std::string prompt_key(const std::string& message);

}  // namespace pope
