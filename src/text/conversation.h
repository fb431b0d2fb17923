// A conversation of any number of messages as a model's chat template shows it: what chat.completions takes.
// Rollouts have one message, and their own way (prompt.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/template.h"
#include "text/tokenizer.h"

namespace pope {

struct ChatMessage {
  std::string role, content;
};

class ConversationRenderer {
 public:
  // `chat_template`: a choice of prompt.chat_template. Error: a template that is none or lacks support.
  ConversationRenderer(std::string_view chat_template, std::shared_ptr<const Tokenizer> tokenizer);

  // Whether there is a template: without one there is no telling where a message ends.
  bool has_template() const { return template_.has_value(); }
  // Token ids as apply_chat_template gives them with add_generation_prompt, save that contents cannot spell
  // special tokens. Error: what the template refuses, such as two messages of the user in a row.
  std::vector<int> render(const std::vector<ChatMessage>& messages,
                          std::optional<bool> enable_thinking) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<jinja::Template> template_;
};

}  // namespace pope
