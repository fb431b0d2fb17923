// What the model can do: shell, read, write, finish. And how its reply is read: text of a model is data, of
// which at most one action is made, and nothing else ever comes of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/files.h"

namespace pope {

enum class Tool { shell, read, write, finish };
const char* name_of(Tool tool);

struct Action {
  Tool tool = Tool::finish;
  std::string path;  // read, write
  std::string text;  // the command, the content, the final answer
};

struct Parsed {
  std::optional<Action> action;
  std::string error;    // why there is none, as it is told to the model
  std::string thought;  // what stands before the action, without a <think> part
};

// The first action of a reply, in either of the two forms (docs/agent.md):
//   a fenced block whose first word is the tool: ```shell (or bash, sh), ```read, ```write PATH, ```finish;
//   what chat templates have for tools: <tool_call>{"name": …, "arguments": {…}}</tool_call>, or such an
//   object, or a list of them, at the beginning of the reply or in a block of ```json.
// Other fenced blocks are text. What stands in <think>…</think> is no action. Without `tools` only a finish
// block is one, and all else is text: of a model that can only answer.
Parsed parse_action(std::string_view reply, bool tools = true);

// Longer replies are cut before they are read, in bytes.
constexpr std::size_t kMostReplyText = 256 << 10;

// How to use the tools, for the first message; without `all` finish alone.
std::string tool_instructions(bool all, bool in_template);
// The tools as chat templates take them: [{"type": "function", "function": {…}}].
Json tool_schemas();
// {"name", "arguments"} of an action.
Json to_json(const Action& action);

}  // namespace pope
