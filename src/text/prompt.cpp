// Settings and wordings, chat template, tokenizer: from a problem to token ids.
#include "text/prompt.h"

#include <algorithm>

#include "core/chars.h"
#include "core/error.h"
#include "core/nearest.h"

namespace pope {
namespace {

auto contains(std::vector<std::string> placeholders) {
  return [placeholders = std::move(placeholders)](const std::string& text) {
    return has_placeholders(text, placeholders);
  };
}

}  // namespace

PromptConfig::PromptConfig() : unguided(kUnguidedText) {
  for (const BuiltInWording& one : built_in_wordings()) this->*one.replaced = one.text;
}

void PromptConfig::fields(Options& options) {
  options
      .add("chat_template", chat_template,
           "what stands around the message; auto: the model's own template; plain: nothing")
      .choices(chat_templates());
  options.add("system", system,
              "system message, \"\" too; auto: none is sent (templates may have one of their own)");
  options.add("unguided", unguided, "text of the unguided message; {problem} is replaced")
      .form(contains({"{problem}"}), "a text with {problem}");
  for (const BuiltInWording& one : built_in_wordings()) {
    options
        .add(one.key, this->*one.replaced,
             std::string("text of the wording ") + one.name + "; {problem} and {guidance} are replaced")
        .form(contains({"{problem}", "{guidance}"}), "a text with {problem} and {guidance}");
  }
  options.add("wordings", wordings, "wordings of your own: {NAME: {text: ..., guidance_in: user|assistant}}");
  options.add("instruction", instruction,
              "which wording shows guidance: " + listed(built_in_wording_names(), "or") +
                  ", or one of prompt.wordings");
  options
      .add("guidance_in", guidance_in,
           "where default and silent show guidance: in the user's message, or as the beginning of the answer")
      .choices({kInUser, kInAssistant});
  options
      .add("enable_thinking", enable_thinking, "the chat template's argument of this name; auto: not given")
      .choices({"auto", "true", "false"});
  options.add(
      "date_string", date_string,
      "today's date for templates that show it, \"26 Jul 2024\" or \"2024-07-26\"; \"\": none is given");
}

Wordings PromptConfig::all_wordings() const {
  Wordings all = read_wordings(wordings);
  for (const BuiltInWording& one : built_in_wordings()) {
    const std::string& text = guidance_in == kInAssistant ? unguided : this->*one.replaced;
    all.emplace(one.name, Wording{text, guidance_in, one.continues || guidance_in == kInAssistant});
  }
  return all;
}

void PromptConfig::check_together() const {
  const Wordings all = all_wordings();
  const auto chosen = all.find(instruction);
  if (chosen == all.end()) {
    const std::vector<std::string> names = names_of(all);
    refuse_setting("prompt.instruction", listed(names, "or"), "'" + instruction + "'",
                   nearest_of(instruction, names).empty() ? "wordings of your own are in prompt.wordings"
                                                          : did_you_mean(instruction, names));
  }
  if (guidance_in == kInAssistant && chosen->second.guidance_in != guidance_in)
    refuse_setting("prompt.guidance_in", "user with prompt.instruction=" + instruction,
                   "'" + guidance_in + "'",
                   "a wording of your own says itself where guidance stands: set guidance_in there");
}

PromptRenderer::PromptRenderer(PromptConfig config, std::shared_ptr<const Tokenizer> tokenizer)
    : config_(std::move(config)), tokenizer_(std::move(tokenizer)) {
  check(config_);
  wordings_ = config_.all_wordings();
  const std::string source = find_chat_template(config_.chat_template, tokenizer_->chat_template());
  if (source.empty()) return;
  template_.emplace(source, tokenizer_->named_tokens());
  template_->render(chat("user", ""));  // what the template refuses is said before anything else is done
  if (config_.chat_template == "auto") return;
  if (!end_of_turn()) {
    throw Error("prompt",
                "expected a tokenizer with the tokens of the chat template " + config_.chat_template +
                    ", got one without",
                "set prompt.chat_template to plain, or use a chat model");
  }
}

Chat PromptRenderer::chat(std::string_view user, std::string_view opening) const {
  Chat chat{.user = user, .opening = opening, .date = config_.date_string};
  if (config_.system != "auto") chat.system = config_.system;
  if (config_.enable_thinking != "auto") chat.enable_thinking = config_.enable_thinking == "true";
  return chat;
}

const Wording& PromptRenderer::wording(std::string_view name) const {
  const auto found = wordings_.find(std::string(name));
  if (found != wordings_.end()) return found->second;
  throw Error(
      "prompt",
      "expected the wording " + listed(names_of(wordings_), "or") + ", got '" + std::string(name) + "'",
      "wordings of your own are in prompt.wordings");
}

std::vector<int> PromptRenderer::render(std::string_view problem, std::string_view guidance,
                                        std::string_view instruction) const {
  const Wording& wording = this->wording(instruction.empty() ? config_.instruction : instruction);
  const bool opens = wording.guidance_in == kInAssistant;
  const std::string& text = guidance.empty() ? config_.unguided : wording.text;
  const std::string user = fill_wording(text, {.problem = problem, .guidance = guidance});
  const std::string_view opening = opens ? guidance : "";
  if (template_) {
    const ChatText text = template_->render(chat(user, opening));
    return tokenizer_->encode_chat(text.text, text.given);
  }
  std::vector<int> ids = tokenizer_->prefix();
  const std::string_view system = config_.system == "auto" ? "" : std::string_view(config_.system);
  for (const std::string_view text : {system, std::string_view(user), opening}) {
    const std::vector<int> part = tokenizer_->encode_behind(ids, text);
    ids.insert(ids.end(), part.begin(), part.end());
  }
  return ids;
}

// The token that closes the assistant's turn: the first that the template writes behind an answer.
std::optional<int> PromptRenderer::end_of_turn() const {
  if (!template_) return std::nullopt;
  const std::optional<std::string> behind = template_->behind_answer(chat("user", ""));
  const std::vector<int> ids = behind ? tokenizer_->encode(trim(*behind), true) : std::vector<int>{};
  return !ids.empty() && tokenizer_->is_added(ids[0]) ? std::optional(ids[0]) : std::nullopt;
}

std::vector<int> PromptRenderer::end_tokens(const std::vector<int>& of_model) const {
  std::vector<int> tokens;
  const auto add = [&](std::optional<int> token) {
    if (token && std::find(tokens.begin(), tokens.end(), *token) == tokens.end()) tokens.push_back(*token);
  };
  add(end_of_turn());
  add(tokenizer_->find(tokenizer_->eos_token()));
  for (const int token : of_model) add(token);
  return tokens;
}

}  // namespace pope
