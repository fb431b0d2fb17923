// Chat templates: the control tokens around messages. The model's own template (Jinja text) is not run: its
// kind is recognised by how it opens the assistant's turn, and what varies within a kind is read out of its
// text. docs/formats.md says what each kind renders. A new kind is one function and one line in
// chat_template.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pope {

// One piece of a rendered prompt. Control pieces are one token each; text pieces are encoded by themselves
// and never yield special tokens.
struct PromptPiece {
  std::string text;
  bool control = false;
};

// What is shown to the model.
struct ChatTurn {
  std::string_view system;   // "" = no system message
  std::string_view user;     // the one user message
  std::string_view opening;  // what the answer begins with; "" = the model writes all of it
  std::string_view bos;   // the tokenizer's BOS token, for templates that put it in front; "" = it has none
  std::string_view date;  // for templates with a date line; "" = the template's own
  bool enable_thinking = true;
};

// What varies within a kind, read from the template's text.
struct ChatStyle {
  std::string default_system;  // shown when the user asks for none in particular
  bool bos = false;            // the prompt opens with the BOS token
  bool refuses_system = false;
  bool always_system = false;    // Llama 3.1 and later: a system message is shown even when empty
  std::string date;              // Llama 3.1 and later: the date line's own date; "" = no such line
  std::string answer_opening;    // "<think>\n" in templates of models that always reason
  bool thinking_switch = false;  // knows enable_thinking: false opens the answer with an empty think block
  bool wraps_answer = false;     // an answer that is given gets a think block in front
};

struct ChatTemplate {
  // The pieces up to where the model goes on, as apply_chat_template renders them: with add_generation_prompt
  // where `opening` is empty, else with continue_final_message.
  std::vector<PromptPiece> render(const ChatTurn& turn) const { return render_kind(style, turn); }

  std::string name;  // of its kind
  ChatStyle style;
  std::vector<PromptPiece> (*render_kind)(const ChatStyle&, const ChatTurn&);
};

// By name, or recognised from the model's own template text when name is "auto" (a tokenizer without template
// text: plain). Unknown: Error that lists the choices.
ChatTemplate find_chat_template(std::string_view name, std::string_view template_text);
std::vector<std::string> chat_templates();  // the names of the kinds

}  // namespace pope
