// See task.h.
#include "agent/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/chars.h"
#include "core/error.h"
#include "core/nearest.h"

namespace pope {
namespace {

// Reads the fields of one object and remembers which there are, so that mistyped names are found.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("expected an object, got " + std::string(object.type_name()));
  }
  [[noreturn]] void fail(const std::string& message, const std::string& hint = "") const {
    throw Error("read tasks", where_ + ": " + message, hint);
  }
  bool has(const char* name) {
    known_.push_back(name);
    return object_.contains(name);
  }
  void text(const char* name, std::string& value) {
    if (!has(name)) return;
    if (!object_[name].is_string()) fail(std::string(name) + ": expected a text");
    value = object_[name].get<std::string>();
  }
  template <class T>
  std::optional<T> number(const char* name, double least, double most) {
    if (!has(name)) return std::nullopt;
    const Json& given = object_[name];
    const bool right = std::is_integral_v<T> ? given.is_number_integer() : given.is_number();
    if (!right || given.get<double>() < least || given.get<double>() > most)
      fail(fmt::format("{}: expected {} from {} to {}, got {}", name,
                       std::is_integral_v<T> ? "a whole number" : "a number", least, most,
                       shortened(dump(given), 60)));
    return given.get<T>();
  }
  void files(const char* name, std::map<std::string, std::string>& files) {
    if (!has(name)) return;
    if (!object_[name].is_object()) fail(std::string(name) + ": expected {NAME: CONTENT}");
    std::size_t bytes = 0;
    for (const auto& [path, content] : object_[name].items()) {
      const std::filesystem::path parts(path);
      const bool leaves = path.empty() || parts.is_absolute() || path.find('\0') != std::string::npos ||
                          std::find(parts.begin(), parts.end(), "..") != parts.end() || !parts.has_filename();
      if (leaves) fail(std::string(name) + ": expected a name within the folder, got '" + path + "'");
      if (!content.is_string()) fail(std::string(name) + ": " + path + ": expected a text");
      bytes += content.get_ref<const std::string&>().size();
      files[path] = content.get<std::string>();
    }
    if (bytes > kMostFiles) fail(fmt::format("{}: {} bytes, above {}", name, bytes, kMostFiles));
  }
  const Json& object() const { return object_; }
  const std::string& where() const { return where_; }
  void require_known() const {
    for (const auto& [name, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end())
        fail("unknown field '" + name + "'", did_you_mean(name, known_));
    }
  }

 private:
  const Json& object_;
  std::string where_;
  std::vector<std::string> known_;
};

Check read_check(Fields& task) {
  if (!task.has("check")) task.fail("check is missing", "{\"command\": …} or {\"answer\": …}");
  Fields fields(task.object()["check"], task.where() + ": check");
  Check check;
  fields.text("command", check.command);
  fields.text("answer", check.answer);
  fields.files("files", check.files);
  check.timeout_s = fields.number<double>("timeout_s", 0.1, 86400);
  fields.require_known();
  if (check.command.empty() == check.answer.empty())
    fields.fail("expected a command or an answer, got " +
                std::string(check.command.empty() ? "none" : "both"));
  if (!check.files.empty() && check.command.empty()) fields.fail("files are for a command");
  if (check.files.contains("answer.txt")) fields.fail("files: answer.txt is the final answer");
  return check;
}

Json text_map(const std::map<std::string, std::string>& texts) {
  Json json = Json::object();
  for (const auto& [name, text] : texts) json[name] = text;
  return json;
}

}  // namespace

TaskLimits limits_of(const Task& task, TaskLimits limits) {
  limits.steps = task.limits.steps.value_or(limits.steps);
  limits.calls = task.limits.calls.value_or(limits.calls);
  limits.tokens = task.limits.tokens.value_or(limits.tokens);
  limits.seconds = task.limits.seconds.value_or(limits.seconds);
  limits.check_s = task.check.timeout_s.value_or(limits.check_s);
  return limits;
}

Task task_from_json(const Json& row, const std::string& where) {
  Fields fields(row, where);
  Task task;
  fields.text("id", task.id);
  fields.text("instruction", task.instruction);
  if (trim(task.instruction).empty()) fields.fail("instruction: expected a text, got none");
  if (task.instruction.size() > kMostInstruction)
    fields.fail(fmt::format("instruction: {} bytes, above {}", task.instruction.size(), kMostInstruction));
  task.type = classify(task.instruction);
  fields.text("type", task.type);
  if (task.type.empty() || task.type.size() > 100)
    fields.fail("type: expected a word, got '" + task.type + "'");
  task.priority = fields.number<int>("priority", -1e6, 1e6).value_or(0);
  fields.files("files", task.files);
  if (fields.has("limits")) {
    Fields given(row["limits"], where + ": limits");
    task.limits.steps = given.number<int>("steps", 1, 1000);
    task.limits.calls = given.number<int>("calls", 1, 1000);
    task.limits.tokens = given.number<std::int64_t>("tokens", 1, 1e9);
    task.limits.seconds = given.number<double>("seconds", 0.1, 86400);
    given.require_known();
  }
  task.check = read_check(fields);
  fields.require_known();
  return task;
}

Json to_json(const Task& task) {
  Json check = task.check.command.empty() ? Json{{"answer", task.check.answer}}
                                          : Json{{"command", task.check.command}};
  if (!task.check.files.empty()) check["files"] = text_map(task.check.files);
  if (task.check.timeout_s) check["timeout_s"] = *task.check.timeout_s;
  Json json = {{"id", task.id}, {"type", task.type}, {"instruction", task.instruction}};
  if (!task.files.empty()) json["files"] = text_map(task.files);
  json["check"] = std::move(check);
  Json limits = Json::object();
  if (task.limits.steps) limits["steps"] = *task.limits.steps;
  if (task.limits.calls) limits["calls"] = *task.limits.calls;
  if (task.limits.tokens) limits["tokens"] = *task.limits.tokens;
  if (task.limits.seconds) limits["seconds"] = *task.limits.seconds;
  if (!limits.empty()) json["limits"] = std::move(limits);
  json["priority"] = task.priority;
  return json;
}

std::vector<Task> read_tasks(const std::filesystem::path& path) {
  std::vector<Task> tasks;
  std::set<std::string> ids;
  read_jsonl(path, [&](Json&& row, std::size_t line) {
    const std::string where = fmt::format("{}:{}", path.string(), line);
    Task task = task_from_json(row, where);
    if (task.id.empty()) task.id = fmt::format("{}-{}", path.stem().string(), line);
    if (!ids.insert(task.id).second)
      throw Error("read tasks", where + ": the id '" + task.id + "' stands twice");
    tasks.push_back(std::move(task));
  });
  if (tasks.empty()) throw Error("read tasks", path.string() + ": expected tasks, got an empty file");
  return tasks;
}

std::string classify(std::string_view instruction) {
  // The first type that one of the words names, so the narrower ones stand in front.
  static const std::pair<const char*, std::vector<std::string>> kTypes[] = {
      {"python", {"python", "def", "pytest"}},
      {"json", {"json"}},
      {"shell", {"shell", "bash", "command", "pipeline", "grep", "sed", "awk"}},
      {"files", {"file", "files", "folder", "directory", "rename", "copy"}},
      {"strings",
       {"string", "strings", "word", "words", "letter", "letters", "uppercase", "lowercase", "reverse"}},
      {"arithmetic",
       {"compute", "calculate", "sum", "add", "subtract", "multiply", "divide", "product", "number", "how"}},
  };
  std::set<std::string, std::less<>> words;
  for (std::size_t at = 0; at < instruction.size();) {
    std::string word;
    while (at < instruction.size() && is_alnum(instruction[at])) word += lower(instruction[at++]);
    if (word.empty()) ++at;
    words.insert(std::move(word));
  }
  for (const auto& [type, signs] : kTypes) {
    if (std::any_of(signs.begin(), signs.end(),
                    [&words = words](const auto& sign) { return words.contains(sign); }))
      return type;
  }
  return "other";
}

}  // namespace pope
