// Prompt rendering: problem statement and guidance → the token ids that a rollout starts from.
// Two layers: the wording (PromptConfig, replaceable by the user) and the chat template of the model.
// Guidance is input only; nothing rendered here is ever a training target.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "text/tokenizer.h"

namespace pope {

struct PromptConfig {
  std::string chat_template = "auto";   // auto | chatml | plain
  std::string system = "auto";          // system message; auto = the chat template's default, "" = none
  std::string unguided;                 // wording; {problem} is replaced
  std::string guided;                   // wording of the default instruction; {problem} and {guidance}
  std::string guided_silent;            // wording of the silent instruction; {problem} and {guidance}
  std::string instruction = "default";  // default | silent: which of the two guided wordings
  std::string guidance_in = "user";     // user | assistant: guidance in the message, or opening the answer

  PromptConfig();  // fills the wordings
  void fields(Options& options);
};

// One piece of a rendered prompt, encoded by itself. Control pieces are special tokens; text pieces never
// are.
struct PromptPiece {
  std::string text;
  bool control = false;
};

// A chat template: an optional system message ("" = none), one user message, and what the assistant's turn
// opens with → the prompt up to where the model speaks. A new template is one line in the table in
// chat_template.cpp.
struct ChatTemplate {
  std::vector<PromptPiece> (*render)(std::string_view system, std::string_view user,
                                     std::string_view opening);
  std::string
      default_system;  // shown when the user asks for none in particular; from the model's template text
};
// By name, or recognised from the model's own template text when name is "auto" (a tokenizer without template
// text: plain). Unknown: Error that lists the choices.
ChatTemplate find_chat_template(std::string_view name, std::string_view template_text);

// Replaces {problem}, {guidance}, {solution}, {answer} in one pass: what is inserted is not scanned again.
struct Wording {
  std::string_view problem, guidance, solution, answer;
};
std::string fill_wording(std::string_view wording, const Wording& values);

class PromptRenderer {
 public:
  // Error: an unknown choice, a wording without its {problem} or {guidance}, or a chat template whose special
  // tokens the tokenizer lacks.
  PromptRenderer(PromptConfig config, std::shared_ptr<const Tokenizer> tokenizer);

  // Token ids of the prompt. Empty `guidance`: unguided. `instruction`: "default", "silent", or "" for the
  // config's. With guidance_in=assistant the message is the unguided one and the guidance ends the prompt.
  std::vector<int> render(std::string_view problem, std::string_view guidance = "",
                          std::string_view instruction = "") const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  PromptConfig config_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate template_;
  std::string system_;
};

}  // namespace pope
