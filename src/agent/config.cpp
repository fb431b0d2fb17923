// See config.h. What the approaches say is here, too.
#include "agent/config.h"

#include <algorithm>
#include <map>

#include "core/nearest.h"

namespace pope {
namespace {

const std::map<std::string, std::string>& built_in() {
  static const std::map<std::string, std::string> texts = {
      {"direct", "Go straight at it: do what the task asks in as few steps as you can."},
      {"search_first",
       "Before you change anything, find out what is there: list and search what you were given for what the "
       "task "
       "speaks of. Then act on what you found."},
      {"read_docs",
       "Before you act, read what explains the things that you will use: their help texts, notes, comments "
       "and "
       "examples. Then do it the way they describe."},
      {"ask_council",
       "Before you act, write down in a line each what three experts of different trades would do first, and "
       "where "
       "they disagree. Then follow the advice that is most likely to hold."},
      {"decompose",
       "Split the task into its smallest parts and write them down in order. Then do one part at a time, and "
       "look at "
       "what came of it before the next."},
  };
  return texts;
}

}  // namespace

std::vector<std::string> built_in_approaches() { return names_of(built_in()); }

std::string approach_text(const AgentConfig& config, const std::string& name) {
  const auto own = config.approach_texts.find(name);
  return own != config.approach_texts.end() ? own->second.at("text") : built_in().at(name);
}

void AgentConfig::fields(Options& o) {
  o.add("store", store, "file of tasks, attempts and what was learned; made where there is none");
  o.add("name", name, "whose weights and prefixes are learned; several agents may share a store");
  o.add("workers", workers, "tasks worked on at once in this process; several processes may share a store")
      .range(1, 256);
  o.add("max_calls", max_calls, "stop when the model was called so often; 0: no limit").at_least(0);
  o.add("approaches", approaches, "the approaches to choose from").distinct();
  o.add("approach_texts", approach_texts, "approaches of your own: {NAME: {text: ...}}");
  o.add("learn", learn, "learn from outcomes; off: approaches are drawn evenly, without traces");
  o.add("teacher_decay", teacher_decay, "share of the old value that a teacher keeps when its weight moves")
      .at_least(0)
      .below(1);
  o.add("traces", traces, "show a part of a trace to an approach that fails without");
  o.add("shrink", shrink, "show less of a trace as unguided success grows");
  o.add("max_traces", trace_limits.per_type, "traces of a type at most; the one of least worth goes")
      .at_least(1);
  o.add("trace_half_life", trace_limits.half_life,
        "outcomes of its type in which the worth of a trace that was not useful halves")
      .above(0);
  o.add("reflection", reflection,
        "after a failure: diagnosis, debate, judgement, and a retry with what came of it");
  o.add("personas", personas, "points of view that diagnose a failure").range(1, 5);
  o.add("reflection_calls", reflection_calls,
        "calls of the model in one reflection at most: personas, as many in the debate, one that judges")
      .at_least(2);
  o.add("reflection_tokens", reflection_tokens, "tokens of one of these replies at most").at_least(16);
  o.add("steps", limits.steps, "actions of an attempt at most, where the task says nothing").range(1, 1000);
  o.add("calls", limits.calls, "replies of the model in an attempt at most").range(1, 1000);
  o.add("tokens", limits.tokens, "tokens sampled in an attempt at most").at_least(1);
  o.add("seconds", limits.seconds, "seconds of an attempt at most").range(0.1, 86400);
  o.add("check_s", limits.check_s, "seconds of a check at most, where the task says nothing")
      .range(0.1, 86400);
  o.add("lease_s", lease_s, "seconds after which a worker that gives no sign has lost its task")
      .range(1, 86400);
  o.add("backoff_s", backoff_s,
        "seconds before an attempt that could not be made is made again; twice as many before the next, …")
      .range(0, 3600);
  o.add("max_failures", max_failures, "a task is dead when the check refused so many attempts").at_least(1);
  o.add("max_faults", max_faults, "a task is dead when so many attempts could not be made").at_least(1);
  o.add("sandbox", sandbox,
        "give the model tools, in a sandbox (bubblewrap), and run commands of checks there; off: it can only "
        "answer");
  o.add(
       "tool_format", tool_format,
       "how tools are shown: as fenced blocks, or as the model's chat template has them; none: no tools, and "
       "the sandbox is for checks alone")
      .choices({"fences", "template", "none"});
  o.add("memory_mb", sandbox_limits.memory_mb, "memory of what a command runs at most, MB")
      .range(16, 1 << 20);
  o.add("processes", sandbox_limits.processes, "processes of a command at most").range(4, 10000);
  o.add("disk_mb", sandbox_limits.disk_mb, "files of an attempt at most, MB").range(1, 1 << 20);
  o.add("files", sandbox_limits.files, "files of an attempt at most").range(10, 10000000);
  o.add("command_s", sandbox_limits.command_s, "seconds of one command at most").range(0.1, 86400);
  o.add("output_kb", sandbox_limits.output_kb, "output of a command that the model is shown at most, KB")
      .range(1, 1024);
  o.add("scratch", scratch,
        "folder in which scratch folders are made; empty: the system's for temporary files");
}

void AgentConfig::check_together() const {
  if (approaches.empty()) refuse_setting("agent.approaches", "at least one", "none");
  std::vector<std::string> known = built_in_approaches();
  for (const auto& [name, entry] : approach_texts) {
    if (entry.size() != 1 || !entry.contains("text") || entry.at("text").empty())
      refuse_setting("agent.approach_texts", "{NAME: {text: ...}}",
                     "'" + name + "' without a text, or with more");
    known.push_back(name);
  }
  for (const std::string& name : approaches) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      refuse_setting("agent.approaches", listed(known, "or"), "'" + name + "'", did_you_mean(name, known));
  }
}

RetryPolicy AgentConfig::retries() const {
  return {.max_failures = max_failures,
          .max_faults = max_faults,
          .backoff_ms = static_cast<std::int64_t>(1000 * backoff_s)};
}

}  // namespace pope
