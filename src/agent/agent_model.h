// The model that the agent asks: a conversation in, its next message out, by any engine. The model's chat
// template is put around the messages, as for problems (text/prompt.h); without one they stand below each
// other as plain text.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/tools.h"
#include "jinja/template.h"
#include "rollout/engine.h"
#include "text/prompt.h"

namespace pope {

struct Message {
  std::string role;  // user | assistant | tool
  std::string text;
  std::optional<Action> call =
      std::nullopt;  // of an assistant: the tool that it called, where templates show tools
};

struct Reply {
  std::string text;
  std::int64_t tokens = 0, prompt_tokens = 0;
  bool truncated = false;
  bool too_long = false;   // the conversation leaves no room for a reply: none was made
  bool timed_out = false;  // it was not there by the deadline
};

class AgentModel {
 public:
  // Of `prompt` it takes chat_template, system, enable_thinking and date_string. Error: what PromptRenderer
  // refuses.
  AgentModel(Engine& engine, std::shared_ptr<const Tokenizer> tokenizer, const PromptConfig& prompt,
             SamplingConfig sampling, std::vector<int> stop_tokens, std::uint64_t seed);

  // `max_new_tokens`: at most; sampling.max_new_tokens where that is less. `key` names the random stream.
  // With `tools` the template is given tool_schemas(). Error: the engine failed. Interrupted: a stop was
  // requested.
  Reply reply(const std::vector<Message>& messages, bool tools, std::uint64_t key,
              std::int64_t max_new_tokens, std::chrono::steady_clock::time_point deadline) const;

  // Token ids of a conversation, up to where the model goes on.
  std::vector<int> render(const std::vector<Message>& messages, bool tools) const;
  // Whether there is a template, and it reads the variable `tools`.
  bool template_has_tools() const { return has_tools_; }

 private:
  Engine& engine_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  PromptConfig prompt_;
  SamplingConfig sampling_;
  std::vector<int> stop_tokens_;
  std::uint64_t seed_;
  std::optional<jinja::Template> template_;
  bool has_tools_ = false;
};

}  // namespace pope
