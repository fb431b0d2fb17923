// Prompt rendering: problem statement and guidance → the token ids that a rollout starts from.
// Two layers: the wording (PromptConfig, replaceable by the user) and the chat template of the model.
// Guidance is input only; nothing rendered here is ever a training target.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pope {

struct PromptConfig {
  static constexpr auto kSection = "prompt";
  std::string chat_template = "auto";   // auto | plain | chatml | llama3 | gemma
  std::string system = "auto";          // system message, "" too; auto = none is sent
  std::string unguided;                 // wording; {problem} is replaced
  std::string guided;                   // wording of the default instruction; {problem} and {guidance}
  std::string guided_silent;            // wording of the silent instruction; {problem} and {guidance}
  std::string instruction = "default";  // default | silent: which of the two guided wordings
  std::string guidance_in = "user";     // user | assistant: guidance in the message, or opening the answer

  std::string enable_thinking = "auto";  // as apply_chat_template's argument: true | false; auto = not given
  std::string date_string;               // likewise, and the day of strftime_now; "" = never today's

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
  // Error: settings that are not allowed, a chat template that is none, that lacks support or that refuses
  // the conversation (a system message, say), or one of ours whose tokens the tokenizer lacks.
  PromptRenderer(PromptConfig config, std::shared_ptr<const Tokenizer> tokenizer);

  // Token ids of the prompt: what apply_chat_template gives, and for plain what the tokenizer gives with its
  // BOS in front, save that texts cannot spell special tokens. Empty `guidance`: unguided. `instruction`:
  // "default", "silent", or "" for the config's. With guidance_in=assistant the message is the unguided one
  // and the guidance ends the prompt. Error: a template that changes the guidance there.
  std::vector<int> render(std::string_view problem, std::string_view guidance = "",
                          std::string_view instruction = "") const;

  // The tokens that end a rollout: the one that the chat template writes behind an answer, the tokenizer's
  // EOS, and those that the model names (`of_model`: config.json and generation_config.json), each once. The
  // first is the one that training writes behind an answer.
  std::vector<int> end_tokens(const std::vector<int>& of_model) const;

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // Of guidance that names none: PromptConfig::instruction.
  const std::string& instruction() const { return config_.instruction; }

 private:
  Chat chat(std::string_view user, std::string_view opening) const;
  std::optional<int> end_of_turn() const;
  PromptConfig config_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<ChatTemplate> template_;  // none: plain texts
};

}  // namespace pope
