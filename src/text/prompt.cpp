// See prompt.h. The wordings are ours; their meaning follows arXiv:2601.18779: the guided instruction lets
// the model restate the partial solution, the silent one does not.
#include "text/prompt.h"

#include <algorithm>

#include "core/chars.h"
#include "core/error.h"
#include "core/nearest.h"

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

// Instructions, by the wordings they choose.
const std::vector<std::string> kInstructions = {"default", "silent"};

auto contains(std::vector<std::string> placeholders) {
  return [placeholders = std::move(placeholders)](const std::string& wording) {
    return std::all_of(placeholders.begin(), placeholders.end(),
                       [&](const auto& one) { return wording.find(one) != std::string::npos; });
  };
}

}  // namespace

PromptConfig::PromptConfig() : unguided(kUnguided), guided(kGuided), guided_silent(kSilent) {}

void PromptConfig::fields(Options& options) {
  options
      .add("chat_template", chat_template,
           "what stands around the message; auto: the model's own template; plain: nothing")
      .choices(chat_templates());
  options.add("system", system,
              "system message, \"\" too; auto: none is sent (templates may have one of their own)");
  options.add("unguided", unguided, "wording of the unguided message; {problem} is replaced")
      .form(contains({"{problem}"}), "a text with {problem}");
  const std::string both = "a text with {problem} and {guidance}";
  options.add("guided", guided, "wording of the guided message; {problem} and {guidance} are replaced")
      .form(contains({"{problem}", "{guidance}"}), both);
  options.add("guided_silent", guided_silent, "wording of the silent guided message, likewise")
      .form(contains({"{problem}", "{guidance}"}), both);
  options.add("instruction", instruction, "which guided wording").choices(kInstructions);
  options
      .add("guidance_in", guidance_in,
           "where guidance stands: in the user's message, or as the beginning of the assistant's answer")
      .choices({"user", "assistant"});
  options
      .add("enable_thinking", enable_thinking, "the chat template's argument of this name; auto: not given")
      .choices({"auto", "true", "false"});
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
  check(config_);
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
  if (std::find(kInstructions.begin(), kInstructions.end(), instruction) == kInstructions.end())
    throw Error("prompt", "expected the instruction " + listed(kInstructions, "or") + ", got '" +
                              std::string(instruction) + "'");
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
