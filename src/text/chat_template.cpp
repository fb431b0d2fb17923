// See chat_template.h.
#include "text/chat_template.h"

#include <charconv>

#include "core/chars.h"
#include "core/error.h"
#include "core/utf8.h"

namespace pope {
namespace {

using jinja::Text;
using jinja::Value;

// "26 Jul 2024", "26 July 2024" or "2024-07-26"; nullopt: another form.
std::optional<jinja::Date> parse_date(std::string_view text) {
  constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  const char* const end = text.data() + text.size();
  jinja::Date date{};
  auto first = std::from_chars(text.data(), end, date.year);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-') {
    const auto second = std::from_chars(first.ptr + 1, end, date.month);
    if (second.ec != std::errc() || second.ptr == end) return std::nullopt;
    first = std::from_chars(second.ptr + 1, end, date.day);
    if (first.ec != std::errc() || first.ptr != end) return std::nullopt;
  } else {
    first = std::from_chars(text.data(), end, date.day);
    if (first.ec != std::errc() || first.ptr == end) return std::nullopt;
    const std::string_view rest = trim(text.substr(static_cast<std::size_t>(first.ptr - text.data())));
    const std::size_t space = rest.find(' ');
    const std::string_view name = rest.substr(0, space);
    for (int i = 0; i < 12; ++i) {
      if (name == months[i] || name == months[i].substr(0, 3)) date.month = i + 1;
    }
    if (space == std::string_view::npos) return std::nullopt;
    const std::string_view year = trim(rest.substr(space));
    first = std::from_chars(year.data(), year.data() + year.size(), date.year);
    if (first.ec != std::errc() || first.ptr != year.data() + year.size()) return std::nullopt;
  }
  const bool valid = date.year > 0 && date.year < 10000 && date.month >= 1 && date.month <= 12 &&
                     date.day >= 1 && date.day <= 31;
  return valid ? std::optional(date) : std::nullopt;
}

Value message(const char* role, Text content) {
  jinja::Budget budget;
  return Value::dict({{Value(std::string_view("role")), Value(std::string_view(role))},
                      {Value(std::string_view("content")), std::move(content)}},
                     budget);
}

ChatText chat_text(jinja::TextView text) {
  ChatText result;
  for (const jinja::Char c : text) {
    append_utf8(jinja::code(c), result.text);
    result.given.resize(result.text.size(), jinja::given(c));
  }
  return result;
}

// Marks the end of the opening, as transformers does, so that what a template puts behind an answer can be
// cut off.
constexpr std::string_view kEndOfOpening = "CONTINUE_FINAL_MESSAGE_TAG ";

}  // namespace

ChatTemplate::ChatTemplate(std::string_view source,
                           std::vector<std::pair<std::string, std::string>> named_tokens)
    : template_(source),
      reads_content_(source.find("content") != std::string_view::npos),
      named_tokens_(std::move(named_tokens)) {}

// With a last message of the assistant where `answer` is not empty.
Text ChatTemplate::rendered(const Chat& chat, std::string_view answer, bool add_generation_prompt) const {
  const auto given = [](std::string_view text) { return jinja::text_of(text, jinja::kGiven); };
  jinja::List messages;
  if (chat.system) messages.push_back(message("system", given(*chat.system)));
  messages.push_back(message("user", given(chat.user)));
  if (!answer.empty()) messages.push_back(message("assistant", given(answer)));
  std::vector<std::pair<std::string, Value>> variables;
  for (const auto& [name, token] : named_tokens_)
    variables.emplace_back(name, Value(std::string_view(token)));
  variables.emplace_back("messages", Value::list(std::move(messages)));
  variables.emplace_back("tools", jinja::None{});
  variables.emplace_back("documents", jinja::None{});
  variables.emplace_back("add_generation_prompt", add_generation_prompt);
  if (chat.enable_thinking) variables.emplace_back("enable_thinking", *chat.enable_thinking);
  std::optional<jinja::Date> date;
  if (!chat.date.empty()) {
    date = parse_date(chat.date);
    variables.emplace_back("date_string", Value(chat.date));
  }
  return template_.render(variables, date);
}

ChatText ChatTemplate::render(const Chat& chat) const {
  if (chat.opening.empty()) return chat_text(rendered(chat, "", true));
  const Text text = rendered(chat, std::string(chat.opening) + std::string(kEndOfOpening), false);
  const Text mark = jinja::text_of(kEndOfOpening);
  const jinja::TextView trimmed_mark = jinja::TextView(mark).substr(0, mark.size() - 1);
  const Text opening = jinja::text_of(chat.opening);
  const std::size_t end = text.rfind(trimmed_mark);
  if (end == Text::npos || !reads_content_ ||
      text.find(jinja::stripped(opening, jinja::Side::kBoth)) == Text::npos) {
    throw Error("chat template",
                "expected a template that shows what an answer begins with, got one that changes it",
                "set prompt.guidance_in to user");
  }
  const jinja::TextView kept = jinja::TextView(text).substr(0, end);
  // A template that trims messages trims what they begin with, too.
  const bool whole = jinja::TextView(text).substr(end).starts_with(mark);
  return chat_text(whole ? kept : jinja::stripped(kept, jinja::Side::kRight));
}

std::optional<std::string> ChatTemplate::behind_answer(const Chat& chat) const {
  constexpr std::string_view kAnswer = "The answer is 4";
  Text text;
  try {
    text = rendered(chat, kAnswer, false);
  } catch (const Error&) {  // a template for one message
    return std::nullopt;
  }
  const std::size_t at = text.rfind(jinja::text_of(kAnswer));
  if (at == Text::npos) return std::nullopt;
  return jinja::utf8_of(jinja::TextView(text).substr(at + kAnswer.size()));
}

namespace {

struct NamedTemplate {
  std::string_view name, source;
};
constexpr NamedTemplate kTemplates[] = {
    {"chatml",
     "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"},
    {"llama3",
     "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + "
     "m.content | trim + '<|eot_id|>' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
    {"gemma",
     "{{ bos_token }}{% set ns = namespace(first='') %}{% for m in messages %}"
     "{% if m.role == 'system' %}{% set ns.first = m.content + '\\n\\n' %}{% else %}"
     "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' + ns.first + m.content | "
     "trim + "
     "'<end_of_turn>\\n' }}{% set ns.first = '' %}{% endif %}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"},
};

}  // namespace

std::vector<std::string> chat_templates() { return {"auto", "plain", "chatml", "llama3", "gemma"}; }

std::string find_chat_template(std::string_view name, std::string_view models_own) {
  if (name == "auto") return std::string(models_own);
  if (name == "plain") return "";
  std::string known;
  for (const NamedTemplate& one : kTemplates) {
    if (name == one.name) return std::string(one.source);
    known += ", " + std::string(one.name);
  }
  throw Error("chat template", "expected auto, plain" + known + ", got '" + std::string(name) + "'");
}

}  // namespace pope
