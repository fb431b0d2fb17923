// The settings of the agent.
#pragma once

#include <string>
#include <vector>

#include "agent/queue.h"
#include "agent/sandbox.h"
#include "agent/trace_store.h"
#include "core/options.h"

namespace pope {

struct AgentConfig {
  static constexpr auto kSection = "agent";
  std::string store;           // the file that holds all
  std::string name = "agent";  // whose weights
  int workers = 1;
  int max_calls = 0;  // of one `pope agent run`; 0: no limit
  // Approaches in use, and texts of the user's own: {NAME: {text: …}}.
  std::vector<std::string> approaches = {"direct", "search_first", "read_docs", "ask_council", "decompose"};
  Options::Entries approach_texts;
  bool learn = true;  // weights, traces, guided mode; false: approaches are drawn evenly
  double teacher_decay = 0.9;
  bool traces = true;  // guided mode
  bool shrink = true;  // prefixes become shorter as unguided success grows
  TraceLimits trace_limits;
  bool reflection = false;
  int personas = 3, reflection_calls = 7, reflection_tokens = 512;
  TaskLimits limits;  // of an attempt, where its task names none of its own
  // Trying again.
  double lease_s = 120, backoff_s = 2;
  int max_failures = 6, max_faults = 5;
  // Tools.
  bool sandbox = false;                // for tools, and for commands of checks
  std::string tool_format = "fences";  // fences | template | none
  SandboxLimits sandbox_limits;
  std::string scratch;  // folder for scratch folders; "": the system's for temporary files

  void fields(Options& options);
  void check_together() const;
  RetryPolicy retries() const;
  bool has_tools() const { return sandbox && tool_format != "none"; }
};

// The text of an approach: the user's own, or a built-in one.
std::string approach_text(const AgentConfig& config, const std::string& name);
std::vector<std::string> built_in_approaches();

}  // namespace pope
