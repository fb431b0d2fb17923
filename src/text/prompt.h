// Prompt rendering: problem statement and guidance → the token ids that a rollout starts from.
// Two layers: the wording (PromptConfig, replaceable by the user) and the chat template of the model.
// Guidance is input only; nothing rendered here is ever a training target.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pope {

struct PromptConfig {
  static constexpr auto kSection = "prompt";
  std::string chat_template = "auto";   // auto | chatml | llama3 | gemma | plain
  std::string system = "auto";          // system message; auto = the chat template's default, "" = none
  std::string unguided;                 // wording; {problem} is replaced
  std::string guided;                   // wording of the default instruction; {problem} and {guidance}
  std::string guided_silent;            // wording of the silent instruction; {problem} and {guidance}
  std::string instruction = "default";  // default | silent: which of the two guided wordings
  std::string guidance_in = "user";     // user | assistant: guidance in the message, or opening the answer

  bool enable_thinking = true;  // as apply_chat_template's argument of that name
  std::string date_string;      // likewise; "" = the template's own date, never today's

  PromptConfig();  // fills the wordings
  void fields(Options& options);
};

// Replaces {problem}, {guidance}, {solution}, {answer} in one pass: what is inserted is not scanned again.
struct Wording {
  std::string_view problem, guidance, solution, answer;
};
std::string fill_wording(std::string_view wording, const Wording& values);

class PromptRenderer {
 public:
  // Error: settings that are not allowed, a system message where the chat template refuses one, or a chat
  // template whose control tokens the tokenizer lacks.
  PromptRenderer(PromptConfig config, std::shared_ptr<const Tokenizer> tokenizer);

  // Token ids of the prompt: what apply_chat_template gives, and for plain what the tokenizer gives with its
  // BOS in front, save that texts cannot spell special tokens. Empty `guidance`: unguided. `instruction`:
  // "default", "silent", or "" for the config's. With guidance_in=assistant the message is the unguided one
  // and the guidance ends the prompt.
  std::vector<int> render(std::string_view problem, std::string_view guidance = "",
                          std::string_view instruction = "") const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // Of guidance that names none: PromptConfig::instruction.
  const std::string& instruction() const { return config_.instruction; }

 private:
  std::vector<PromptPiece> pieces(std::string_view user, std::string_view opening) const;
  PromptConfig config_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate template_;
  std::string system_, bos_;
};

}  // namespace pope
