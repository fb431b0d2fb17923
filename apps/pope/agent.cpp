// pope agent: an executor of tasks that learns which approach works, and is guided where none does.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/page.h"
#include "agent/run.h"
#include "agent/view.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "pope/command_line.h"
#include "pope/setup.h"
#include "pope/table.h"
#include "pope/verb.h"

namespace pope {
namespace {

[[noreturn]] void misused(const std::string& expected) {
  throw UsageError("expected " + expected + "\n  see 'pope agent --help'");
}

std::int64_t whole_number(const std::string& text, const std::string& what) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) misused(what + ", got '" + text + "'");
  return value;
}

void require_arguments(const Invocation& invocation, std::size_t least, std::size_t most, const char* form) {
  const std::size_t given = invocation.arguments.size() - 1;
  if (given < least || given > most) misused(form);
}

// A store to read from must be there.
std::filesystem::path store_path(const Invocation& invocation, bool must_exist) {
  const std::filesystem::path path = invocation.settings.agent.store;
  if (must_exist && !std::filesystem::exists(path))
    throw Error("agent", "there is no store " + path.string(), "pope agent add makes one");
  return path;
}

struct Store : Database {
  Store(const Invocation& invocation, bool must_exist) : Database(store_path(invocation, must_exist)) {
    open_schema(*this);
  }
};

Json add_tasks(const Invocation& invocation) {
  if (invocation.arguments.size() < 2) misused("add TASKS.jsonl");
  std::vector<Task> tasks;
  for (std::size_t i = 1; i < invocation.arguments.size(); ++i) {
    for (Task& task : read_tasks(invocation.arguments[i])) tasks.push_back(std::move(task));
  }
  Store database(invocation, false);
  const int added = Queue(database).add(tasks);
  return {{"action", "add"},
          {"tasks", tasks.size()},
          {"added", added},
          {"store", invocation.settings.agent.store}};
}

Json run_tasks(const Invocation& invocation) {
  require_arguments(invocation, 0, 0, "run alone");
  const Settings& settings = invocation.settings;
  if (settings.paths.model.empty()) misused("--model MODEL: the model that acts");
  Store database(invocation, true);
  if (settings.agent.sandbox && !Sandbox::unavailable().empty())
    throw Error("sandbox", Sandbox::unavailable());
  if (const int commands = waiting_by_command(database); commands > 0 && !settings.agent.sandbox)
    log_line(
        fmt::format("{} tasks are checked by commands, which run with your rights: where they run what the "
                    "model answers, set agent.sandbox=true",
                    commands));
  const Setup setup(settings, Weights::frozen);
  const std::shared_ptr<const Tokenizer> tokenizer(setup.prompts, &setup.prompts->tokenizer());
  const AgentModel model(*setup.engine, tokenizer, settings.prompt, settings.sampling, setup.stop_tokens,
                         settings.run.seed);
  if (settings.agent.sandbox && settings.agent.tool_format == "template" && !model.template_has_tools())
    refuse_setting("agent.tool_format", "fences with this model", "template",
                   "its chat template has no tools");
  const CatchInterrupts catching;
  Json result =
      run_agent({.store = settings.agent.store,
                 .config = settings.agent,
                 .seed = settings.run.seed,
                 .model = model,
                 .verifier = *setup.verifier,
                 .on_attempt = [](const Json& attempt) {
                   const std::string cause = attempt.at("cause");
                   log_line(fmt::format(
                       "{} {} ({}, {}): {}{}", attempt.at("attempt").get<std::int64_t>(),
                       attempt.at("task").get<std::string>(), attempt.at("approach").get<std::string>(),
                       attempt.at("mode").get<std::string>(), attempt.at("end").get<std::string>(),
                       cause.empty() ? "" : ": " + cause.substr(0, cause.find('\n'))));
                 }});
  result["action"] = "run";
  return result;
}

Json show_traces(const Invocation& invocation) {
  const std::vector<std::string>& arguments = invocation.arguments;
  const AgentConfig& config = invocation.settings.agent;
  Json result = {{"action", "traces"}};
  if (arguments.size() == 1) {
    Store database(invocation, true);
    result["traces"] = trace_rows(database, config.trace_limits);
    return result;
  }
  if (arguments.size() != 3) misused("traces, traces import FILE.jsonl, or traces rollback ENTRY");
  Store database(invocation, arguments[1] == "rollback");
  TraceStore traces(database, config.trace_limits);
  if (arguments[1] == "import") {
    result["imported"] = traces.import(arguments[2], now_ms());
  } else if (arguments[1] == "rollback") {
    result["undone"] =
        traces.rollback(whole_number(arguments[2], "rollback ENTRY: the last entry to keep"), now_ms());
  } else {
    misused("traces import or traces rollback, got traces " + arguments[1]);
  }
  return result;
}

Json show_history(const Invocation& invocation) {
  require_arguments(invocation, 0, 1, "history, or history ATTEMPT");
  Store database(invocation, true);
  if (invocation.arguments.size() == 1)
    return {{"action", "history"}, {"attempts", attempt_rows(database, 100)}};
  const std::string& which = invocation.arguments[1];
  if (which == "traces") return {{"action", "history"}, {"journal", TraceStore(database, {}).journal()}};
  return {{"action", "history"},
          {"attempt", attempt_record(database, whole_number(which, "history ATTEMPT"))}};
}

Json write_report(const Invocation& invocation) {
  require_arguments(invocation, 0, 0, "report alone");
  if (invocation.out.empty()) misused("report --out FILE.html");
  Store database(invocation, true);
  constexpr int kAttempts = 500;
  write_file(invocation.out, agent_page(database, invocation.settings.agent.trace_limits, kAttempts));
  return {{"action", "report"}, {"out", invocation.out.string()}};
}

Json write_problems_of(const Invocation& invocation) {
  require_arguments(invocation, 0, 0, "export alone");
  if (invocation.out.empty()) misused("export --out FILE.jsonl");
  Store database(invocation, true);
  const Exported exported = export_problems(database);
  if (exported.problems.empty())
    throw Error("agent", "no task with a reference answer has succeeded: there is nothing to export");
  write_problems(invocation.out, exported.problems);
  return {{"action", "export"},
          {"problems", exported.problems.size()},
          {"by_command", exported.by_command},
          {"out", invocation.out.string()}};
}

Json status_of(const Invocation& invocation) {
  require_arguments(invocation, 0, 0, "status alone");
  Store database(invocation, true);
  Json result = {{"action", "status"}};
  result.update(agent_status(database));
  return result;
}

struct AgentAction {
  const char* name;
  Json (*run)(const Invocation&);
};
constexpr AgentAction kActions[] = {{"add", add_tasks},           {"run", run_tasks},
                                    {"status", status_of},        {"traces", show_traces},
                                    {"history", show_history},    {"report", write_report},
                                    {"export", write_problems_of}};

Json run_agent_verb(const Invocation& invocation) {
  for (const AgentAction& action : kActions) {
    if (invocation.arguments[0] == action.name) return action.run(invocation);
  }
  misused("add, run, status, traces, history, report or export, got '" + invocation.arguments[0] + "'");
}

std::string text_of_number(const Json& value) { return grouped(value.get<std::int64_t>()); }

std::string show_status(const Json& result) {
  const Json& tasks = result.at("tasks");
  std::string text = fmt::format("Tasks: {} waiting, {} running, {} succeeded, {} dead.\n",
                                 text_of_number(tasks.at("waiting")), text_of_number(tasks.at("running")),
                                 text_of_number(tasks.at("succeeded")), text_of_number(tasks.at("dead")));
  constexpr std::size_t kLetters = 10;
  for (std::size_t i = 0; i < std::min(result.at("dead_letters").size(), kLetters); ++i) {
    const Json& letter = result["dead_letters"][i];
    text += fmt::format("  dead: {}: {}\n", letter.at("task").get<std::string>(),
                        letter.at("reason").get<std::string>());
  }
  std::vector<std::vector<std::string>> rows = {
      {"agent: type", "approach", "weight", "teacher", "unguided", "mode", "prefix"}};
  for (const Json& type : result.at("types")) {
    const std::string name = type.at("agent").get<std::string>() + ": " + type.at("type").get<std::string>();
    for (const Json& one : type.at("approaches")) {
      const bool guided = one.at("guided").get<bool>();
      rows.push_back({name, one.at("name"), fmt::format("{:.3f}", one.at("weight").get<double>()),
                      fmt::format("{:.3f}", one.at("teacher").get<double>()),
                      percent(one.at("unguided_success")), guided ? "guided" : "unguided",
                      guided ? std::to_string(one.at("prefix").get<int>()) : ""});
    }
  }
  if (rows.size() > 1) text += "\n" + table(rows);
  const Json& reflections = result.at("reflections");
  return text + fmt::format("\nTraces: {}. Reflections: {} became traces, {} helped, {} are warnings.\n",
                            text_of_number(result.at("traces")), text_of_number(reflections.at("trace")),
                            text_of_number(reflections.at("helped")),
                            text_of_number(reflections.at("warning")));
}

std::string show_trace_rows(const Json& result) {
  if (result.contains("imported")) return fmt::format("Imported {} traces.\n", result["imported"].get<int>());
  if (result.contains("undone")) return fmt::format("Undid {} changes.\n", result["undone"].get<int>());
  std::vector<std::vector<std::string>> rows = {
      {"trace", "type", "source", "steps", "uses", "guided wins", "retry wins", "quality", "worth"}};
  for (const Json& trace : result.at("traces"))
    rows.push_back({text_of_number(trace.at("trace")), trace.at("type"), trace.at("source"),
                    std::to_string(trace.at("steps").size()), text_of_number(trace.at("uses")),
                    text_of_number(trace.at("guided_wins")), text_of_number(trace.at("retry_wins")),
                    fmt::format("{:.2f}", trace.at("quality").get<double>()),
                    fmt::format("{:.2f}", trace.at("worth").get<double>())});
  return rows.size() > 1 ? table(rows) : "No traces.\n";
}

std::string show_attempt(const Json& record) {
  const auto text = [&](const char* key) { return record.at(key).get<std::string>(); };
  std::string out = fmt::format("Attempt {} at {} ({}), {}, {}: {}\n\n{}\n",
                                record.at("attempt").get<std::int64_t>(), text("task"), text("type"),
                                text("approach"), text("mode"), text("end"), text("instruction"));
  int number = 0;
  if (record.at("steps").is_array()) {
    for (const Json& step : record["steps"]) {
      out += fmt::format("\n--- step {} ---\n{}\n", ++number, step.at("reply").get<std::string>());
      if (step.contains("seen")) out += "--- seen ---\n" + step["seen"].get<std::string>() + "\n";
    }
  }
  return out + fmt::format("\nCheck: {}\n{} calls, {} tokens, {}\n", text("evidence"),
                           text_of_number(record.at("calls")), text_of_number(record.at("tokens")),
                           duration(record.at("seconds").get<double>()));
}

std::string show_history_of(const Json& result) {
  if (result.contains("attempt")) return show_attempt(result["attempt"]);
  std::vector<std::vector<std::string>> rows;
  if (result.contains("journal")) {
    rows.push_back({"entry", "trace", "type", "change"});
    for (const Json& entry : result["journal"])
      rows.push_back({text_of_number(entry.at("sequence")), text_of_number(entry.at("trace")),
                      entry.at("type"), entry.at("change")});
    return table(rows);
  }
  rows.push_back({"attempt", "task", "type", "approach", "mode", "end", "calls", "tokens"});
  for (const Json& one : result.at("attempts"))
    rows.push_back({text_of_number(one.at("attempt")), one.at("task"), one.at("type"), one.at("approach"),
                    one.at("mode") == "guided"
                        ? fmt::format("guided, {} of trace {}", one.at("prefix_steps").get<int>(),
                                      one.at("trace").get<std::int64_t>())
                        : one.at("mode").get<std::string>(),
                    one.at("end"), text_of_number(one.at("calls")), text_of_number(one.at("tokens"))});
  return rows.size() > 1 ? table(rows) : "No attempts.\n";
}

std::string show_agent(const Json& result) {
  const std::string action = result.at("action");
  const auto count = [&](const char* key) { return text_of_number(result.at(key)); };
  if (action == "status") return show_status(result);
  if (action == "traces") return show_trace_rows(result);
  if (action == "history") return show_history_of(result);
  if (action == "add")
    return fmt::format("{} of {} tasks were new; the store is {}.\n", count("added"), count("tasks"),
                       result.at("store").get<std::string>());
  if (action == "run")
    return fmt::format(
        "{} attempts: {} passed, {} failed, {} could not be made; {} calls, {} tokens, {}.\n"
        "Tasks: {} succeeded, {} dead, {} waiting.\n",
        count("attempts"), count("passed"), count("failed"), count("faults"), count("calls"), count("tokens"),
        duration(result.at("seconds").get<double>()), count("succeeded"), count("dead"), count("waiting"));
  const std::string out = result.at("out");
  if (action == "report") return "Wrote " + out + ".\n";
  return fmt::format(
      "Wrote {} problems with solutions to {}; {} tasks that a command checks were left out.\n",
      count("problems"), out, count("by_command"));
}

}  // namespace

const Verb agent_verb = {
    .name = "agent",
    .group = VerbGroup::data,
    .summary = "execute tasks with a model that learns which approach works",
    .description =
        "A store (--store FILE) holds tasks, attempts and what was learned. A task is done when its "
        "external\n"
        "check says so. Per type of task the agent learns which approach works; where none does it is shown "
        "a\n"
        "part of a trace of how another task of the type was done, and less and less of it. With\n"
        "agent.sandbox=true the model has tools, in a sandbox (bubblewrap). docs/agent.md.\n"
        "\n"
        "  pope agent add tasks.jsonl --store agent.db          new tasks\n"
        "  pope agent run --store agent.db --model MODEL        works until none is left; several may run at "
        "once\n"
        "  pope agent status --store agent.db                   tasks, weights, modes\n"
        "  pope agent traces [import FILE | rollback ENTRY] --store agent.db\n"
        "  pope agent history [ATTEMPT | traces] --store agent.db\n"
        "  pope agent report --store agent.db --out agent.html\n"
        "  pope agent export --store agent.db --out problems.jsonl    what it solved, to train on",
    .arguments = "ACTION...",
    .shortcuts = {{"--store", "agent.store", "FILE", Need::required}, {"--model", "paths.model", "MODEL"}},
    .keys = {"agent.*", "run.seed", "run.threads", "run.dtype", "run.device", "paths.model", "engine.*",
             "sampling.*", "prompt.*", "verify.*"},
    .out = "FILE",
    .needs_out = false,
    .run = run_agent_verb,
    .show = show_agent};

}  // namespace pope
