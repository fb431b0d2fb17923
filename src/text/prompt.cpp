// See prompt.h. The wordings are ours; their meaning follows arXiv:2601.18779: the guided instruction lets
// the model restate the partial solution, the silent one does not.
#include "text/prompt.h"

#include <algorithm>

#include "core/chars.h"
#include "core/error.h"

namespace pope {
namespace {

constexpr const char* kUnguided =
    "{problem}\n\nWork through the problem step by step, and give your final answer in \\boxed{}.";

constexpr const char* kGuided =
    "{problem}\n\n"
    "Here is how a solution to this problem begins:\n\n"
    "{guidance}\n\n"
    "Study this beginning carefully, and find out which steps it takes and what they establish. Then pick "
    "the "
    "solution up where the beginning stops, consistent with it, and carry it through, step by step, to the "
    "end. "
    "Give your final answer in \\boxed{}.";

constexpr const char* kSilent =
    "{problem}\n\n"
    "Here is how a solution to this problem begins:\n\n"
    "{guidance}\n\n"
    "Use this beginning in silence: do not repeat it, put it in other words, or mention it. Start at once "
    "with the "
    "next step that it does not contain, and carry the solution through, step by step, to the end. Give your "
    "final answer in \\boxed{}.";

void require_choice(const std::string& key, const std::string& value, const std::string& a,
                    const std::string& b) {
  if (value == a || value == b) return;
  throw Error("prompt", "expected " + key + " to be " + a + " or " + b + ", got '" + value + "'");
}

void require_placeholder(const std::string& key, const std::string& wording, const std::string& placeholder) {
  if (wording.find(placeholder) != std::string::npos) return;
  throw Error("prompt", "expected " + key + " to contain " + placeholder + ", got '" + wording + "'",
              "write " + placeholder + " where its text belongs");
}

}  // namespace

PromptConfig::PromptConfig() : unguided(kUnguided), guided(kGuided), guided_silent(kSilent) {}

void PromptConfig::fields(Options& options) {
  options.add("chat_template", chat_template,
              "auto (the model's own) | plain (the texts as they are) | chatml | llama3 | gemma");
  options.add("system", system,
              "system message, \"\" too; auto: none is sent (templates may have one of their own)");
  options.add("unguided", unguided, "wording of the unguided message; {problem} is replaced");
  options.add("guided", guided, "wording of the guided message; {problem} and {guidance} are replaced");
  options.add("guided_silent", guided_silent, "wording of the silent guided message, likewise");
  options.add("instruction", instruction, "which guided wording: default | silent");
  options.add("guidance_in", guidance_in,
              "user (in the message) | assistant (unguided message; the guidance opens the answer)");
  options.add("enable_thinking", enable_thinking,
              "the chat template's argument of this name: true | false; auto: not given");
  options.add(
      "date_string", date_string,
      "today's date for templates that show it, \"26 Jul 2024\" or \"2024-07-26\"; \"\": none is given");
}

std::string fill_wording(std::string_view wording, const Wording& values) {
  const std::pair<std::string_view, std::string_view> placeholders[] = {{"{problem}", values.problem},
                                                                        {"{guidance}", values.guidance},
                                                                        {"{solution}", values.solution},
                                                                        {"{answer}", values.answer}};
  std::string text;
  for (std::size_t at = 0; at < wording.size();) {
    bool replaced = false;
    for (const auto& [name, value] : placeholders) {
      if (!wording.substr(at).starts_with(name)) continue;
      text += value;
      at += name.size();
      replaced = true;
      break;
    }
    if (!replaced) text += wording[at++];
  }
  return text;
}

PromptRenderer::PromptRenderer(PromptConfig config, std::shared_ptr<const Tokenizer> tokenizer)
    : config_(std::move(config)), tokenizer_(std::move(tokenizer)) {
  require_choice("instruction", config_.instruction, "default", "silent");
  require_choice("guidance_in", config_.guidance_in, "user", "assistant");
  if (config_.enable_thinking != "auto")
    require_choice("enable_thinking", config_.enable_thinking, "true", "false");
  require_placeholder("unguided", config_.unguided, "{problem}");
  require_placeholder("guided", config_.guided, "{problem}");
  require_placeholder("guided", config_.guided, "{guidance}");
  require_placeholder("guided_silent", config_.guided_silent, "{problem}");
  require_placeholder("guided_silent", config_.guided_silent, "{guidance}");
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

std::vector<int> PromptRenderer::render(std::string_view problem, std::string_view guidance,
                                        std::string_view instruction) const {
  if (instruction.empty()) instruction = config_.instruction;
  require_choice("instruction", std::string(instruction), "default", "silent");
  const bool opens = config_.guidance_in == "assistant";
  const std::string& wording = guidance.empty() || opens ? config_.unguided
                               : instruction == "silent" ? config_.guided_silent
                                                         : config_.guided;
  const std::string user = fill_wording(wording, {.problem = problem, .guidance = guidance});
  const std::string_view opening = opens ? guidance : "";
  if (template_) {
    const ChatText text = template_->render(chat(user, opening));
    return tokenizer_->encode_chat(text.text, text.given);
  }
  std::vector<int> ids = tokenizer_->prefix();
  const std::string_view system = config_.system == "auto" ? "" : std::string_view(config_.system);
  for (const std::string_view text : {system, std::string_view(user), opening}) {
    const std::vector<int> part = tokenizer_->encode(text);
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
