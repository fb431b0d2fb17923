// See prompt.h. The wordings are ours; their meaning follows arXiv:2601.18779: the guided instruction lets
// the model restate the partial solution, the silent one does not.
#include "text/prompt.h"

#include <algorithm>

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
  std::vector<std::string> templates = chat_templates();
  templates.insert(templates.begin(), "auto");
  options
      .add("chat_template", chat_template,
           "control tokens around the message; auto: by the model's own template; plain: none")
      .choices(templates);
  options.add("system", system, "system message; auto = the chat template's default, \"\" = none");
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
  options.add("enable_thinking", enable_thinking,
              "false: an empty think block opens the answer, where the chat template knows enable_thinking");
  options.add("date_string", date_string,
              "date of the Llama 3 templates' date line, \"26 Jul 2024\"; \"\" = the template's own");
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
    : config_(std::move(config)),
      tokenizer_(std::move(tokenizer)),
      template_(find_chat_template(config_.chat_template, tokenizer_->chat_template())),
      system_(config_.system == "auto" ? template_.style.default_system : config_.system),
      bos_(tokenizer_->bos_token()) {
  check(config_);
  if (template_.style.refuses_system && !system_.empty()) {
    throw Error("prompt", "expected no system message, got '" + system_ + "'",
                "the model's chat template refuses one: set prompt.system to \"\"");
  }
  for (const PromptPiece& piece : pieces("user", "")) {
    if (!piece.control || tokenizer_->find(piece.text)) continue;
    throw Error("prompt",
                "expected a tokenizer with the chat template's token '" + piece.text + "', got one without",
                "set prompt.chat_template to plain, or use a chat model");
  }
}

std::vector<PromptPiece> PromptRenderer::pieces(std::string_view user, std::string_view opening) const {
  return template_.render({.system = system_,
                           .user = user,
                           .opening = opening,
                           .bos = bos_,
                           .date = config_.date_string,
                           .enable_thinking = config_.enable_thinking});
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
  std::vector<int> ids;
  if (template_.name == "plain") ids = tokenizer_->prefix();
  for (const PromptPiece& piece : pieces(user, opens ? guidance : "")) {
    if (piece.control) {
      ids.push_back(*tokenizer_->find(piece.text));
      continue;
    }
    const std::vector<int> part = tokenizer_->encode(piece.text);
    ids.insert(ids.end(), part.begin(), part.end());
  }
  return ids;
}

}  // namespace pope
