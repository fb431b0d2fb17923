// One attempt: the model acts step by step until it says that it is done or a limit is reached. Then the
// external check is asked, whatever the model says. What the model and its tools print is data: it is shown
// to the model and recorded, and nothing of it is ever run outside the sandbox.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "agent/agent_model.h"
#include "agent/check.h"
#include "agent/config.h"

namespace pope {

struct Acting {
  const AgentModel& model;
  const Verifier& verifier;
  const AgentConfig& config;
  std::filesystem::path folder;                       // of this attempt; made and removed again
  std::uint64_t key = 0;                              // names the random streams of its replies
  std::function<bool()> lost = [] { return false; };  // whether the task was taken away meanwhile
};

// In bytes, of what is recorded of one step.
constexpr std::size_t kMostStored = 8192;

// Never throws for what a model or a tool does: an engine, a sandbox or a check that fails makes the end a
// fault, a request to stop makes it released.
AttemptEnd act(const Task& task, const std::string& first_message, const Acting& acting);

}  // namespace pope
