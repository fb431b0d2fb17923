// Chat templates: what a model is shown for a message. A model's own template (Jinja) is rendered as
// transformers' apply_chat_template does; docs/chat_templates.md says what is supported. For models without
// one there are a few of ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/template.h"

namespace pope {

// A conversation that the model goes on with.
struct Chat {
  std::optional<std::string_view> system;  // nullopt: no system message; the template may have one of its own
  std::string_view user;                   // the one user message
  std::string_view opening;                // what the answer begins with; "": the model writes all of it
  std::optional<bool> enable_thinking;     // the template's argument of that name; nullopt: not given
  std::string_view date;                   // "26 Jul 2024" or "2024-07-26"; "": no date is given
};

// A rendered chat. What a template writes may spell special tokens; what was given by a user (a byte for
// which `given` is true) never does.
struct ChatText {
  std::string text;
  std::vector<bool> given;
};

class ChatTemplate {
 public:
  // `named_tokens`: bos_token and the like, which templates see under these names. Error: see
  // jinja::Template.
  ChatTemplate(std::string_view source, std::vector<std::pair<std::string, std::string>> named_tokens);

  // Up to where the model goes on, as apply_chat_template renders it: with add_generation_prompt where
  // `opening` is empty, else with continue_final_message. Error: what the template refuses or pope lacks; an
  // opening that does not end the rendered text.
  ChatText render(const Chat& chat) const;

  // What the template writes behind an answer; nullopt: it refuses answers, or does not show them as they
  // are.
  std::optional<std::string> behind_answer(const Chat& chat) const;

 private:
  jinja::Text rendered(const Chat& chat, std::string_view answer, bool add_generation_prompt) const;
  jinja::Template template_;
  bool reads_content_;
  std::vector<std::pair<std::string, std::string>> named_tokens_;
};

// By name, as prompt.chat_template gives it: the template itself, "" for plain texts. "auto": the model's
// own, or plain where it has none. Unknown: Error that lists the choices.
std::string find_chat_template(std::string_view name, std::string_view models_own);
std::vector<std::string> chat_templates();  // the choices of prompt.chat_template

}  // namespace pope
