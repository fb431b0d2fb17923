// See chat_template.h.
#include "text/chat_template.h"

#include "core/error.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace pope {
namespace {

using Pieces = std::vector<PromptPiece>;

// White space as Python's str.strip and Jinja's trim take it.
bool is_python_space(char32_t c) { return char_class(c) == CharClass::kSpace || (c >= 0x1C && c <= 0x1F); }

std::string trimmed(std::string_view text) {
  std::string storage;
  text = valid_utf8(text, storage);
  std::size_t begin = text.size(), end = text.size();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (is_python_space(next_code_point(text, at))) continue;
    if (begin == text.size()) begin = start;
    end = at;
  }
  return std::string(text.substr(begin, end - begin));
}

std::string_view without_newlines(std::string_view text, bool at_end) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  while (at_end && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// An answer that is given, with its think block: what stands before the first "</think>" is the reasoning,
// what stands behind the last one the answer; without one the block is empty.
std::string wrapped_answer(std::string_view answer) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  std::string_view reasoning;
  if (const std::size_t close = answer.find(kClose); close != std::string_view::npos) {
    reasoning = answer.substr(0, close);
    if (const std::size_t open = reasoning.rfind(kOpen); open != std::string_view::npos) {
      reasoning.remove_prefix(open + kOpen.size());
    }
    reasoning = without_newlines(reasoning, true);
    answer.remove_prefix(answer.rfind(kClose) + kClose.size());
  }
  return "<think>\n" + std::string(reasoning) + "\n</think>\n\n" +
         std::string(without_newlines(answer, false));
}

Pieces start_pieces(const ChatStyle& style, const ChatTurn& turn) {
  if (!style.bos || turn.bos.empty()) return {};
  return {{std::string(turn.bos), true}};
}

// What stands between two control tokens is one piece, as the model saw it in training: "user\n" and the
// message may share a token.
Pieces render_chatml(const ChatStyle& style, const ChatTurn& turn) {
  Pieces pieces = start_pieces(style, turn);
  const auto add_message = [&](std::string_view role, std::string_view text) {
    pieces.push_back({"<|im_start|>", true});
    pieces.push_back({std::string(role) + "\n" + std::string(text)});
  };
  const auto end_message = [&] {
    pieces.push_back({"<|im_end|>", true});
    pieces.push_back({"\n"});
  };
  if (!turn.system.empty()) {
    add_message("system", turn.system);
    end_message();
  }
  add_message("user", turn.user);
  end_message();
  std::string answer = style.answer_opening;
  if (!turn.opening.empty()) {
    answer = style.wraps_answer ? wrapped_answer(turn.opening) : std::string(turn.opening);
  } else if (style.thinking_switch && !turn.enable_thinking) {
    answer = "<think>\n\n</think>\n\n";
  }
  add_message("assistant", answer);
  return pieces;
}

Pieces render_llama3(const ChatStyle& style, const ChatTurn& turn) {
  Pieces pieces = start_pieces(style, turn);
  const auto add_message = [&](std::string_view role, const std::string& text) {
    pieces.push_back({"<|start_header_id|>", true});
    pieces.push_back({std::string(role)});
    pieces.push_back({"<|end_header_id|>", true});
    pieces.push_back({"\n\n" + text});
  };
  std::string system = trimmed(turn.system);
  if (!style.date.empty()) {
    system = "Cutting Knowledge Date: December 2023\nToday Date: " +
             (turn.date.empty() ? style.date : std::string(turn.date)) + "\n\n" + system;
  }
  if (!turn.system.empty() || style.always_system) {
    add_message("system", system);
    pieces.push_back({"<|eot_id|>", true});
  }
  add_message("user", trimmed(turn.user));
  pieces.push_back({"<|eot_id|>", true});
  add_message("assistant", trimmed(turn.opening));
  return pieces;
}

Pieces render_gemma(const ChatStyle& style, const ChatTurn& turn) {
  Pieces pieces = start_pieces(style, turn);
  // There is no system role: a system message opens the user's.
  const std::string system = turn.system.empty() ? "" : std::string(turn.system) + "\n\n";
  pieces.push_back({"<start_of_turn>", true});
  pieces.push_back({"user\n" + system + trimmed(turn.user)});
  pieces.push_back({"<end_of_turn>", true});
  pieces.push_back({"\n"});
  pieces.push_back({"<start_of_turn>", true});
  pieces.push_back({"model\n" + trimmed(turn.opening)});
  return pieces;
}

Pieces render_plain(const ChatStyle&, const ChatTurn& turn) {
  Pieces pieces;
  for (const std::string_view text : {turn.system, turn.user, turn.opening}) {
    if (!text.empty()) pieces.push_back({std::string(text)});
  }
  return pieces;
}

// Jinja text with the escapes \n, \t, \" and \' resolved: model makers write line breaks in both ways.
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      ++i, result += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
    else
      result += text[i];
  }
  return result;
}

// Jinja text with neighbouring string literals, 'a' + 'b', made one.
std::string with_joined_literals(std::string text) {
  for (const std::string_view joint : {"' + '", "\" + \""}) {
    for (std::size_t at = text.find(joint); at != std::string::npos; at = text.find(joint, at)) {
      text.erase(at, joint.size());
    }
  }
  return text;
}

// The literal of {% set system_message = '…' %}; "" when there is none.
std::string set_system_message(std::string_view text) {
  constexpr std::string_view kSet = "set system_message = ";
  for (std::size_t at = text.find(kSet); at != std::string_view::npos; at = text.find(kSet, at)) {
    at += kSet.size();
    const char quote = at < text.size() ? text[at] : ' ';
    if (quote != '\'' && quote != '"') continue;
    std::size_t end = at + 1;
    while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
    if (end < text.size() && end > at + 1) return unescaped(text.substr(at + 1, end - at - 1));
  }
  return "";
}

// The default system message of ChatML template text: the literal that stands between "<|im_start|>system\n"
// and "<|im_end|>" within one string of the Jinja source, or is set as system_message. "" when there is none.
std::string chatml_default_system(const std::string& source) {
  if (std::string message = set_system_message(source); !message.empty()) return message;
  const std::string joined = with_joined_literals(source);
  const std::string_view text = joined;
  constexpr std::string_view kStart = "<|im_start|>system", kEnd = "<|im_end|>";
  for (std::size_t at = text.find(kStart); at != std::string_view::npos; at = text.find(kStart, at)) {
    const bool double_quoted = at > 0 && text[at - 1] == '"';
    const std::string_view string_ends = double_quoted ? "\"" : at > 0 && text[at - 1] == '\'' ? "'" : "'\"";
    at += kStart.size();
    std::string_view literal = text.substr(at);
    literal = literal.substr(0, literal.find(kEnd));
    if (literal.size() == text.size() - at) return "";  // not closed
    bool expression = false;  // an unescaped quote ends the string: the message is computed
    for (std::size_t i = 0; i < literal.size(); ++i) {
      if (literal[i] == '\\')
        ++i;
      else if (string_ends.find(literal[i]) != std::string_view::npos)
        expression = true;
    }
    const std::string message = unescaped(literal);
    if (!expression && message.size() > 1 && message[0] == '\n') return message.substr(1);
  }
  return "";
}

// The literal that Llama's template falls back on: {%- set date_string = "26 Jul 2024" %}.
std::string llama_date(std::string_view text) {
  constexpr std::string_view kSet = "date_string = \"";
  if (text.find("Today Date: ") == std::string_view::npos) return "";
  const std::size_t at = text.find(kSet);
  if (at == std::string_view::npos) return "26 Jul 2024";
  const std::string_view date = text.substr(at + kSet.size());
  return std::string(date.substr(0, date.find('"')));
}

// `text`: the source; `plain`: the same unescaped.
ChatStyle read_style(std::string_view text, std::string_view plain) {
  const auto says = [&](std::string_view part) { return plain.find(part) != std::string_view::npos; };
  ChatStyle style;
  // Beside a switch, a literal system message is what the switch adds.
  if (!says("enable_thinking")) style.default_system = chatml_default_system(std::string(text));
  style.bos = says("bos_token");
  style.refuses_system = says("System role not supported");
  style.always_system = says("<|start_header_id|>system<|end_header_id|>") && !says("system_message != ");
  style.date = llama_date(plain);
  style.thinking_switch = says("enable_thinking is false");
  style.wraps_answer = says("\n<think>\n' + reasoning_content");
  if (says("<|im_start|>assistant\n<think>\n'")) style.answer_opening = "<think>\n";
  return style;
}

struct TemplateKind {
  const char* name;
  decltype(ChatTemplate::render_kind) render;
  const char* mark;  // how template text of this kind opens the assistant's turn
  bool bos = false;  // whether it opens with BOS where there is no template text to say so
};
constexpr TemplateKind kTemplateKinds[] = {
    {"chatml", render_chatml, "<|im_start|>assistant\n"},
    {"llama3", render_llama3, "<|start_header_id|>assistant<|end_header_id|>\n\n", true},
    {"gemma", render_gemma, "<start_of_turn>model\n", true},
    {"plain", render_plain, nullptr},
};

}  // namespace

std::vector<std::string> chat_templates() {
  std::vector<std::string> names;
  for (const TemplateKind& kind : kTemplateKinds) names.emplace_back(kind.name);
  return names;
}

ChatTemplate find_chat_template(std::string_view name, std::string_view template_text) {
  const bool automatic = name == "auto";
  if (automatic && template_text.empty()) name = "plain";
  const std::string plain = unescaped(template_text);
  std::string known;
  for (const TemplateKind& kind : kTemplateKinds) {
    // A ChatML template that makes its system message of today's date and more (SmolLM3) is of no known kind.
    const bool computed = kind.render == render_chatml && plain.find("strftime_now") != std::string::npos;
    const bool own = kind.mark != nullptr && plain.find(kind.mark) != std::string::npos && !computed;
    if (name == kind.name || (automatic && own)) {
      const ChatStyle style = own ? read_style(template_text, plain) : ChatStyle{.bos = kind.bos};
      return {kind.name, style, kind.render};
    }
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
