// See tools.h.
#include "agent/tools.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/chars.h"
#include "core/json_depth.h"
#include "core/utf8.h"

namespace pope {
namespace {

constexpr std::size_t kMostPath = 1024;

struct ToolForm {
  Tool tool;
  const char* name;
  const char* path_key;  // null: it takes no path
  const char* text_key;  // null: it takes no text
  const char* description;
};
constexpr std::array<ToolForm, 4> kTools = {{
    {Tool::shell, "shell", nullptr, "command",
     "Run a shell command in the working folder and see what it prints."},
    {Tool::read, "read", "path", nullptr, "See the content of a file."},
    {Tool::write, "write", "path", "content", "Write a file; what it held before is replaced."},
    {Tool::finish, "finish", nullptr, "answer", "End the task and give the final answer."},
}};

const ToolForm* find_tool(std::string_view name) {
  if (name == "bash" || name == "sh") name = "shell";
  const auto* found =
      std::find_if(kTools.begin(), kTools.end(), [&](const auto& one) { return one.name == name; });
  return found == kTools.end() ? nullptr : found;
}

constexpr auto kNone =
    "No action was found. Answer with exactly one action, in the form that the task describes.";

// "" where the action can be made.
std::string fault_of(const Action& action) {
  if (action.tool == Tool::read || action.tool == Tool::write) {
    if (action.path.empty()) return std::string(name_of(action.tool)) + ": the path is missing.";
    if (action.path.size() > kMostPath ||
        action.path.find_first_of(std::string_view("\0\n", 2)) != std::string::npos)
      return std::string(name_of(action.tool)) + ": this is no path of a file.";
  }
  if (action.tool == Tool::shell && trim(action.text).empty()) return "shell: the command is missing.";
  if (action.tool == Tool::shell && action.text.find('\0') != std::string::npos)
    return "shell: the command holds a zero byte.";
  return "";
}

Parsed of(Action action, std::string_view thought) {
  Parsed parsed;
  parsed.thought = trim(thought);
  parsed.error = fault_of(action);
  if (parsed.error.empty()) parsed.action = std::move(action);
  return parsed;
}

Parsed refused(std::string error) {
  Parsed parsed;
  parsed.error = std::move(error);
  return parsed;
}

// One call as JSON. `what` for messages.
Parsed from_call(const Json& call, std::string_view thought) {
  if (!call.is_object() || !call.contains("name") || !call["name"].is_string())
    return refused("A tool call is {\"name\": TOOL, \"arguments\": {…}}.");
  const ToolForm* form = find_tool(call["name"].get_ref<const std::string&>());
  if (form == nullptr) return refused("There is no such tool; the tools are shell, read, write and finish.");
  Json arguments = call.value("arguments", call.value("parameters", Json::object()));
  if (arguments.is_string()) {  // as OpenAI's API has them
    const std::string text = arguments.get<std::string>();
    arguments = nested_too_deep(text) ? Json() : Json::parse(text, nullptr, false);
  }
  if (!arguments.is_object()) return refused("The arguments of a tool call are a JSON object.");
  Action action{.tool = form->tool};
  for (const auto& [key, target] :
       {std::pair{form->path_key, &action.path}, {form->text_key, &action.text}}) {
    if (key == nullptr) continue;
    const auto value = arguments.find(key);
    if (value == arguments.end())
      return refused(std::string(form->name) + ": the argument \"" + key + "\" is missing.");
    *target = value->is_string() ? value->get<std::string>() : dump(*value);
  }
  return of(std::move(action), thought);
}

// Up to the end of the first object or list: small models write one call behind another.
std::string_view first_value(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      ++depth;
    } else if (!in_string && (c == '}' || c == ']') && --depth == 0) {
      return text.substr(0, i + 1);
    }
  }
  return text;
}

Parsed from_calls(std::string_view text, std::string_view thought) {
  text = first_value(text);
  if (nested_too_deep(text)) return refused("The tool call is nested too deep.");
  const Json call = Json::parse(text, nullptr, false);
  if (call.is_discarded()) return refused("The tool call is not valid JSON.");
  return from_call(call.is_array() && !call.empty() ? call[0] : call, thought);
}

bool begins_as_call(std::string_view text) {
  return text.starts_with('{') || text.starts_with("[{") || text.starts_with("[ {");
}

// Whether a block of another language is a call all the same: Qwen2.5-Coder writes calls as ```json.
bool is_call(std::string_view language, std::string_view body) {
  if ((!language.empty() && language != "json") || !begins_as_call(body)) return false;
  const Parsed call = from_calls(body, "");
  return call.action.has_value();
}

// The reply line by line.
std::string_view line_at(std::string_view text, std::size_t at) {
  return text.substr(at, std::min(text.find('\n', at), text.size()) - at);
}
std::size_t backticks(std::string_view line) { return std::min(line.find_first_not_of('`'), line.size()); }

struct Block {
  std::size_t begin = 0, body = 0, body_end = 0, end = 0;
  std::string_view info;
  bool closed = false;
};

// The fenced block that begins at or after `from`.
std::optional<Block> next_block(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size(); at += line_at(text, at).size() + 1) {
    const std::string_view line = trim_end(line_at(text, at));
    const std::size_t ticks = backticks(line);
    if (ticks < 3 || line.find('`', ticks) != std::string_view::npos) continue;
    Block block{.begin = at, .info = trim(line.substr(ticks))};
    block.body = std::min(at + line_at(text, at).size() + 1, text.size());
    for (std::size_t inner = block.body; inner < text.size(); inner += line_at(text, inner).size() + 1) {
      const std::string_view close = trim_end(line_at(text, inner));
      if (backticks(close) == close.size() && close.size() >= ticks) {
        block.body_end = inner;
        block.end = inner + line_at(text, inner).size();
        block.closed = true;
        return block;
      }
    }
    block.body_end = block.end = text.size();
    return block;
  }
  return std::nullopt;
}

Parsed from_block(const Block& block, std::string_view text) {
  const std::string_view name = block.info.substr(0, block.info.find_first_of(" \t"));
  const ToolForm& form = *find_tool(name);
  const std::string_view rest = trim(block.info.substr(name.size()));
  std::string_view body = text.substr(block.body, block.body_end - block.body);
  if (!block.closed) {
    Parsed open = refused("The block is not closed: end it with a line of three backticks.");
    open.thought = trim(text);
    return open;
  }
  Action action{.tool = form.tool};
  switch (form.tool) {
    case Tool::read:
      action.path = rest.empty() ? trim(body) : rest;
      break;
    case Tool::write:
      action.path = rest;
      action.text = body;
      break;
    case Tool::shell:
      action.text = body;
      break;
    case Tool::finish:
      action.text = trim(body);
      break;
  }
  return of(std::move(action), text.substr(0, block.begin));
}

// What a thinking model says before its reply is not part of it. A thought without an end is no reply. Some
// templates open the thought themselves: then its end stands alone, with no action in front.
std::string_view without_thought(std::string_view text) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  const std::size_t close = text.find(kClose);
  if (trim(text).starts_with(kOpen))
    return close == std::string_view::npos ? std::string_view() : text.substr(close + kClose.size());
  const bool alone =
      close != std::string_view::npos && text.find("```") > close && text.find("<tool_call>") > close;
  return alone ? text.substr(close + kClose.size()) : text;
}

}  // namespace

const char* name_of(Tool tool) { return kTools[static_cast<std::size_t>(tool)].name; }

Parsed parse_action(std::string_view reply, bool tools) {
  std::string storage;
  const std::string_view valid =
      valid_utf8(reply.substr(0, character_start(reply, std::min(reply.size(), kMostReplyText))), storage);
  const std::string_view text = without_thought(valid);
  constexpr std::string_view kOpen = "<tool_call>", kClose = "</tool_call>";
  const std::size_t call = text.find(kOpen);
  std::optional<Block> block;
  for (std::size_t at = 0; (block = next_block(text, at)); at = block->end + 1) {
    if (block->begin > call) break;
    const ToolForm* form = find_tool(block->info.substr(0, block->info.find_first_of(" \t")));
    if (form != nullptr && (tools || form->tool == Tool::finish)) return from_block(*block, text);
    const std::string_view body = trim(text.substr(block->body, block->body_end - block->body));
    if (tools && is_call(block->info, body)) return from_calls(body, text.substr(0, block->begin));
    if (block->end >= text.size()) break;
  }
  if (tools && call != std::string_view::npos) {
    const std::size_t begin = call + kOpen.size(), end = text.find(kClose, begin);
    // Some models leave out the closing tag, which is a stop token to others.
    return from_calls(trim(text.substr(begin, end == std::string_view::npos ? end : end - begin)),
                      text.substr(0, call));
  }
  if (const std::string_view all = trim(text); tools && begins_as_call(all)) return from_calls(all, "");
  Parsed none = refused(kNone);
  none.thought = trim(text);
  return none;
}

std::string tool_instructions(bool all, bool in_template) {
  if (!all) return "You have no tools: answer in one message, with the answer itself at the end of it.";
  if (in_template)
    return "Call exactly one tool in each message; you are shown what came of it. Paths are relative to the "
           "working "
           "folder. Nothing outside it can be reached, and there is no network. Call finish when you are "
           "done.";
  return "Each of your messages ends with exactly one action, a fenced block; you are shown what came of it. "
         "Paths "
         "are relative to the working folder. Nothing outside it can be reached, and there is no network.\n"
         "To run a shell command:\n```shell\nls -l\n```\n"
         "To see a file:\n```read\nnotes.txt\n```\n"
         "To write a file, all of it:\n```write notes.txt\nfirst line\n```\n"
         "When you are done, to give the final answer:\n```finish\nthe answer\n```";
}

Json tool_schemas() {
  Json schemas = Json::array();
  for (const ToolForm& form : kTools) {
    Json properties = Json::object(), required = Json::array();
    for (const char* key : {form.path_key, form.text_key}) {
      if (key == nullptr) continue;
      properties[key] = {{"type", "string"}};
      required.push_back(key);
    }
    schemas.push_back({{"type", "function"},
                       {"function",
                        {{"name", form.name},
                         {"description", form.description},
                         {"parameters",
                          {{"type", "object"},
                           {"properties", std::move(properties)},
                           {"required", std::move(required)}}}}}});
  }
  return schemas;
}

Json to_json(const Action& action) {
  const ToolForm& form = kTools[static_cast<std::size_t>(action.tool)];
  Json arguments = Json::object();
  if (form.path_key != nullptr) arguments[form.path_key] = action.path;
  if (form.text_key != nullptr) arguments[form.text_key] = action.text;
  return {{"name", form.name}, {"arguments", std::move(arguments)}};
}

}  // namespace pope
