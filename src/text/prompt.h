// Prompt rendering: problem statement and guidance → the token ids that a rollout starts from.
// Two layers: the wording (wording.h, replaceable by the user) and the chat template of the model.
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
#include "text/wording.h"

namespace pope {

struct PromptConfig {
  static constexpr auto kSection = "prompt";
  std::string chat_template = "auto";   // auto | plain | chatml | llama3 | gemma
  std::string system = "auto";          // system message, "" too; auto = none is sent
  std::string unguided;                 // text of the message without guidance; {problem} is replaced
  std::string guided;                   // text of the wording "default"; {problem} and {guidance}
  std::string guided_silent;            // text of the wording "silent"; {problem} and {guidance}
  std::string instruction = "default";  // the wording of guidance that names none
  std::string guidance_in = kInUser;    // of the built-in wordings; in the answer the message is `unguided`
  Options::Entries wordings;            // the user's own, by name: {text, guidance_in}

  std::string enable_thinking = "auto";  // as apply_chat_template's argument: true | false; auto = not given
  std::string date_string;               // likewise, and the day of strftime_now; "" = never today's

  PromptConfig();  // fills the texts
  void fields(Options& options);
  void check_together() const;
  // The wordings that can be chosen: the built-in ones, as the settings have them, and the user's own.
  // Error: as read_wordings().
  Wordings all_wordings() const;
};

class PromptRenderer {
 public:
  // Error: settings that are not allowed, a chat template that is none, that lacks support or that refuses
  // the conversation (a system message, say), or one of ours whose tokens the tokenizer lacks.
  PromptRenderer(PromptConfig config, std::shared_ptr<const Tokenizer> tokenizer);

  // Token ids of the prompt: what apply_chat_template gives, and for plain what the tokenizer gives with its
  // BOS in front, save that texts cannot spell special tokens. Empty `guidance`: unguided. `instruction`: the
  // name of a wording, or "" for the config's. Guidance that opens the answer ends the prompt. Error: an
  // unknown wording, or a template that changes guidance that opens the answer.
  std::vector<int> render(std::string_view problem, std::string_view guidance = "",
                          std::string_view instruction = "") const;

  // The tokens that end a rollout: the one that the chat template writes behind an answer, the tokenizer's
  // EOS, and those that the model names (`of_model`: config.json and generation_config.json), each once. The
  // first is the one that training writes behind an answer.
  std::vector<int> end_tokens(const std::vector<int>& of_model) const;

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // Of guidance that names none: PromptConfig::instruction.
  const std::string& instruction() const { return config_.instruction; }
  const Wordings& wordings() const { return wordings_; }
  // Error: unknown name (lists the known).
  const Wording& wording(std::string_view name) const;

 private:
  Chat chat(std::string_view user, std::string_view opening) const;
  std::optional<int> end_of_turn() const;
  PromptConfig config_;
  Wordings wordings_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<ChatTemplate> template_;  // none: plain texts
};

}  // namespace pope
