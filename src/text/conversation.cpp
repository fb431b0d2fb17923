// See conversation.h.
#include "text/conversation.h"

#include "core/utf8.h"
#include "text/chat_template.h"

namespace pope {
namespace {

using jinja::Value;

Value value_of(const ChatMessage& message) {
  jinja::Budget budget;
  return Value::dict({{Value(std::string_view("role")), Value(std::string_view(message.role))},
                      {Value(std::string_view("content")), jinja::text_of(message.content, jinja::kGiven)}},
                     budget);
}

}  // namespace

ConversationRenderer::ConversationRenderer(std::string_view chat_template,
                                           std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)) {
  const std::string source = find_chat_template(chat_template, tokenizer_->chat_template());
  if (!source.empty()) template_.emplace(source);
}

std::vector<int> ConversationRenderer::render(const std::vector<ChatMessage>& messages,
                                              std::optional<bool> enable_thinking) const {
  jinja::List list;
  for (const ChatMessage& message : messages) list.push_back(value_of(message));
  std::vector<std::pair<std::string, Value>> variables;
  const std::vector<std::pair<std::string, std::string>> named = tokenizer_->named_tokens();
  for (const auto& [name, token] : named) variables.emplace_back(name, Value(std::string_view(token)));
  variables.emplace_back("messages", Value::list(std::move(list)));
  variables.emplace_back("tools", jinja::None{});
  variables.emplace_back("documents", jinja::None{});
  variables.emplace_back("add_generation_prompt", true);
  if (enable_thinking) variables.emplace_back("enable_thinking", *enable_thinking);
  std::string text;
  std::vector<bool> given;
  for (const jinja::Char c : template_->render(variables)) {
    append_utf8(jinja::code(c), text);
    given.resize(text.size(), jinja::given(c));
  }
  return tokenizer_->encode_chat(text, given);
}

}  // namespace pope
