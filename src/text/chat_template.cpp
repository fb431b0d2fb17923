// Chat templates: the control tokens around messages. The model's own template (Jinja text) is not run; it is
// recognised, and its default system message is read out of it.
#include "core/error.h"
#include "text/prompt.h"

namespace pope {
namespace {

using Pieces = std::vector<PromptPiece>;

// What stands between two control tokens is one piece, as the model saw it in training: "user\n" and the
// message may share a token.
Pieces render_chatml(std::string_view system, std::string_view user, std::string_view opening) {
  Pieces pieces;
  const auto add_message = [&](std::string_view role, std::string_view text) {
    pieces.push_back({"<|im_start|>", true});
    pieces.push_back({std::string(role) + "\n" + std::string(text)});
  };
  const auto end_message = [&] {
    pieces.push_back({"<|im_end|>", true});
    pieces.push_back({"\n"});
  };
  if (!system.empty()) {
    add_message("system", system);
    end_message();
  }
  add_message("user", user);
  end_message();
  add_message("assistant", opening);
  return pieces;
}

Pieces render_plain(std::string_view system, std::string_view user, std::string_view opening) {
  Pieces pieces;
  for (const std::string_view text : {system, user, opening}) {
    if (!text.empty()) pieces.push_back({std::string(text)});
  }
  return pieces;
}

// The default system message of ChatML template text: the literal that stands between "<|im_start|>system\n"
// and
// "<|im_end|>" within one string of the Jinja source. "" when there is none.
std::string chatml_default_system(std::string_view text) {
  constexpr std::string_view kStart = "<|im_start|>system", kEnd = "<|im_end|>";
  for (std::size_t at = text.find(kStart); at != std::string_view::npos; at = text.find(kStart, at)) {
    const bool double_quoted = at > 0 && text[at - 1] == '"';
    const std::string_view string_ends = double_quoted ? "\"" : at > 0 && text[at - 1] == '\'' ? "'" : "'\"";
    at += kStart.size();
    std::string message;
    for (std::size_t i = at; i < text.size(); ++i) {
      if (text.substr(i).starts_with(kEnd)) {
        if (message.size() > 1 && message[0] == '\n') return message.substr(1);
        break;
      }
      if (string_ends.find(text[i]) != std::string_view::npos) break;  // the message is an expression
      if (text[i] == '\\' && i + 1 < text.size()) {
        ++i;
        message += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
      } else {
        message += text[i];
      }
    }
  }
  return "";
}

std::string no_default_system(std::string_view) { return ""; }

struct TemplateKind {
  const char* name;
  decltype(ChatTemplate::render) render;
  std::string (*default_system)(std::string_view template_text);
  const char* mark;  // template text that holds it is of this kind
};
constexpr TemplateKind kTemplateKinds[] = {
    {"chatml", render_chatml, chatml_default_system, "<|im_start|>"},
    {"plain", render_plain, no_default_system, nullptr},
};

}  // namespace

ChatTemplate find_chat_template(std::string_view name, std::string_view template_text) {
  const bool automatic = name == "auto";
  if (automatic && template_text.empty()) name = "plain";
  std::string known;
  for (const TemplateKind& kind : kTemplateKinds) {
    const bool recognised =
        automatic && kind.mark != nullptr && template_text.find(kind.mark) != std::string_view::npos;
    if (name == kind.name || recognised) return {kind.render, kind.default_system(template_text)};
    known += ", " + std::string(kind.name);
  }
  if (automatic) {
    throw Error("chat template",
                "expected a template of a known kind (" + known.substr(2) + "), got one of another",
                "set prompt.chat_template to one of them");
  }
  throw Error("chat template", "expected auto" + known + ", got '" + std::string(name) + "'");
}

}  // namespace pope
