// See agent_model.h.
#include "agent/agent_model.h"

#include <algorithm>

#include "core/interrupt.h"
#include "core/utf8.h"

namespace pope {
namespace {

using jinja::Value;

Value given(std::string_view text) { return Value(jinja::text_of(text, jinja::kGiven)); }
Value key(std::string_view name) { return Value(name); }

Value value_of(const Json& json, jinja::Budget& budget) {
  if (json.is_string()) return given(json.get_ref<const std::string&>());
  if (json.is_array()) {
    jinja::List items;
    for (const Json& item : json) items.push_back(value_of(item, budget));
    return Value::list(std::move(items));
  }
  std::vector<std::pair<Value, Value>> items;
  for (const auto& [name, item] : json.items()) items.emplace_back(key(name), value_of(item, budget));
  return Value::dict(std::move(items), budget);
}

Value value_of(const Message& message, jinja::Budget& budget) {
  std::vector<std::pair<Value, Value>> items = {{key("role"), key(message.role)},
                                                {key("content"), given(message.text)}};
  if (message.call) {
    Value function = value_of(to_json(*message.call), budget);
    Value call =
        Value::dict({{key("type"), key("function")}, {key("function"), std::move(function)}}, budget);
    items.emplace_back(key("tool_calls"), Value::list({std::move(call)}));
  }
  return Value::dict(std::move(items), budget);
}

}  // namespace

AgentModel::AgentModel(Engine& engine, std::shared_ptr<const Tokenizer> tokenizer, const PromptConfig& prompt,
                       SamplingConfig sampling, std::vector<int> stop_tokens, std::uint64_t seed)
    : engine_(engine),
      tokenizer_(std::move(tokenizer)),
      prompt_(prompt),
      sampling_(sampling),
      stop_tokens_(std::move(stop_tokens)),
      seed_(seed) {
  sampling_.batch_size = 1;  // one conversation, one reply
  const std::string source = find_chat_template(prompt_.chat_template, tokenizer_->chat_template());
  if (source.empty()) return;
  template_.emplace(source);
  has_tools_ = source.find("tools") != std::string::npos;
}

std::vector<int> AgentModel::render(const std::vector<Message>& messages, bool tools) const {
  const bool has_system = prompt_.system != "auto";
  if (!template_) {
    std::string text = has_system ? prompt_.system + "\n\n" : "";
    for (const Message& message : messages)
      text += (message.role == "assistant" ? "Assistant:\n" : "User:\n") + message.text + "\n\n";
    text += "Assistant:\n";
    std::vector<int> ids = tokenizer_->prefix();
    const std::vector<int> rest = tokenizer_->encode_behind(ids, text);
    ids.insert(ids.end(), rest.begin(), rest.end());
    return ids;
  }
  jinja::Budget budget;
  jinja::List list;
  if (has_system) list.push_back(value_of(Message{"system", prompt_.system}, budget));
  for (const Message& message : messages) list.push_back(value_of(message, budget));
  std::vector<std::pair<std::string, Value>> variables;
  for (const auto& [name, token] : tokenizer_->named_tokens()) variables.emplace_back(name, key(token));
  variables.emplace_back("messages", Value::list(std::move(list)));
  variables.emplace_back("tools", tools ? value_of(tool_schemas(), budget) : Value(jinja::None{}));
  variables.emplace_back("documents", jinja::None{});
  variables.emplace_back("add_generation_prompt", true);
  if (prompt_.enable_thinking != "auto")
    variables.emplace_back("enable_thinking", prompt_.enable_thinking == "true");
  if (!prompt_.date_string.empty()) variables.emplace_back("date_string", key(prompt_.date_string));
  ChatText text;
  for (const jinja::Char c : template_->render(variables)) {
    append_utf8(jinja::code(c), text.text);
    text.given.resize(text.text.size(), jinja::given(c));
  }
  return tokenizer_->encode_chat(text.text, text.given);
}

Reply AgentModel::reply(const std::vector<Message>& messages, bool tools, std::uint64_t key,
                        std::int64_t max_new_tokens, std::chrono::steady_clock::time_point deadline) const {
  Reply reply;
  Request request{.rng_key = key, .prompt = render(messages, tools)};
  reply.prompt_tokens = std::ssize(request.prompt);
  SamplingConfig sampling = sampling_;
  const std::int64_t room = engine_.context() - reply.prompt_tokens;
  sampling.max_new_tokens =
      static_cast<int>(std::min({max_new_tokens, room, static_cast<std::int64_t>(sampling.max_new_tokens)}));
  if (room < 1) {
    reply.too_long = true;
    return reply;
  }
  bool asked = false, came = false;
  engine_.run(
      sampling, seed_, stop_tokens_,
      [&]() -> std::optional<Request> {
        if (asked) return std::nullopt;
        asked = true;
        return std::move(request);
      },
      [&](Rollout&& rollout) {
        came = true;
        reply.text = tokenizer_->decode(rollout.tokens);
        reply.tokens = std::ssize(rollout.tokens);
        reply.truncated = rollout.finish == FinishReason::length;
      },
      [&] {
        stop_if_interrupted();
        return std::chrono::steady_clock::now() < deadline;
      });
  reply.timed_out = !came;
  return reply;
}

}  // namespace pope
