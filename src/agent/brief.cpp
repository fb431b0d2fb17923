// See brief.h.
#include "agent/brief.h"

#include <fmt/format.h>

#include "agent/tools.h"
#include "core/rng.h"

namespace pope {
namespace {

std::string limits_text(const TaskLimits& limits, bool tools) {
  std::string text = "Your limits: ";
  if (tools) text += fmt::format("{} actions, ", limits.steps);
  return text + fmt::format(
                    "{} messages, {} tokens and {:g} seconds in all. What is not done by then counts as not "
                    "done. A check from outside decides whether the task is done, not what you say of it.",
                    tools ? limits.calls : 1, limits.tokens, limits.seconds);
}

}  // namespace

std::string first_message(const Task& task, const AttemptPlan& plan, const Help& help,
                          const AgentConfig& config) {
  std::string text = "Here is a task.\n\n" + task.instruction + "\n\n";
  if (!task.files.empty() && config.has_tools()) {
    text += "These files are in the working folder:";
    for (const auto& [name, content] : task.files) text += " " + name;
    text += "\n\n";
  }
  text += "How to go about it: " + approach_text(config, plan.approach) + "\n\n";
  if (!help.prefix.empty()) {
    text += "Another task of this kind was done in steps. These are the first of them, not all:\n";
    for (std::size_t i = 0; i < help.prefix.size(); ++i)
      text += fmt::format("  {}. {}\n", i + 1, help.prefix[i]);
    text +=
        "Study this partial trace and find out which of it holds for your task, whose names and numbers are "
        "others. "
        "Then complete your own task from there.\n\n";
  }
  if (!help.reflection.empty())
    text += "An earlier attempt at this task failed. This was made of the failure:\n" + help.reflection +
            "\nTake from it what holds, and do the task anew from the beginning.\n\n";
  text += tool_instructions(config.has_tools(), config.tool_format == "template") + "\n\n";
  return text + limits_text(limits_of(task, config.limits), config.has_tools());
}

std::string prompt_key(const std::string& message) { return fmt::format("{:016x}", key_of(message)); }

}  // namespace pope
