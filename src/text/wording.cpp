// The table of wordings. The texts are ours; their meaning follows arXiv:2601.18779: the default wording lets
// the model restate the partial solution, the silent one does not.
#include "text/wording.h"

#include <algorithm>
#include <utility>

#include "core/nearest.h"
#include "text/prompt.h"

namespace pope {
namespace {

constexpr const char* kDefaultText =
    "{problem}\n\n"
    "Here is how a solution to this problem begins:\n\n"
    "{guidance}\n\n"
    "Study this beginning carefully, and find out which steps it takes and what they establish. Then pick "
    "the solution up where the beginning stops, consistent with it, and carry it through, step by step, to "
    "the end. Give your final answer in \\boxed{}.";

constexpr const char* kSilentText =
    "{problem}\n\n"
    "Here is how a solution to this problem begins:\n\n"
    "{guidance}\n\n"
    "Use this beginning in silence: do not repeat it, put it in other words, or mention it. Start at once "
    "with the next step that it does not contain, and carry the solution through, step by step, to the end. "
    "Give your final answer in \\boxed{}.";

// The fields of an entry of prompt.wordings.
constexpr auto kText = "text", kGuidanceIn = "guidance_in";

[[noreturn]] void refuse_text(const std::string& key, const std::string& expected, const std::string& got,
                              const std::string& hint) {
  refuse_setting(key + "." + kText, expected, "'" + got + "'", hint);
}

void check_text(const std::string& key, const Wording& wording) {
  const bool opens = wording.guidance_in == kInAssistant;
  const bool shown = has_placeholders(wording.text, {"{guidance}"});
  const std::string expected = opens ? "a text with {problem}" : "a text with {problem} and {guidance}";
  if (!has_placeholders(wording.text, {"{problem}"}))
    refuse_text(key, expected, wording.text, "{problem} is where the problem stands");
  if (opens && shown)
    refuse_text(key, "a text without {guidance}", wording.text,
                "with guidance_in: assistant the guidance opens the answer; it would be shown twice");
  if (!opens && !shown)
    refuse_text(key, expected, wording.text,
                "{guidance} is where the guidance stands; with guidance_in: assistant it opens the answer "
                "instead");
  for (const char* hidden : {"{solution}", "{answer}"}) {
    if (has_placeholders(wording.text, {hidden}))
      refuse_text(key, std::string("a text without ") + hidden, wording.text,
                  "a prompt shows the problem and its guidance, nothing else");
  }
}

Wording read_wording(const std::string& key, const std::map<std::string, std::string>& fields) {
  static const std::vector<std::string> known = {kText, kGuidanceIn}, places = {kInUser, kInAssistant};
  for (const auto& [field, value] : fields) {
    if (std::find(known.begin(), known.end(), field) == known.end())
      refuse_setting(key, listed(known), "'" + field + "'", did_you_mean(field, known));
  }
  Wording wording;
  if (const auto place = fields.find(kGuidanceIn); place != fields.end()) wording.guidance_in = place->second;
  if (std::find(places.begin(), places.end(), wording.guidance_in) == places.end())
    refuse_setting(key + "." + kGuidanceIn, listed(places, "or"), "'" + wording.guidance_in + "'",
                   "user: in the message, at {guidance}; assistant: as the beginning of the answer");
  if (const auto text = fields.find(kText); text != fields.end()) wording.text = text->second;
  check_text(key, wording);
  wording.continues = wording.guidance_in == kInAssistant;
  return wording;
}

}  // namespace

const char* const kUnguidedText =
    "{problem}\n\nWork through the problem step by step, and give your final answer in \\boxed{}.";

const std::vector<BuiltInWording>& built_in_wordings() {
  static const std::vector<BuiltInWording> table = {
      {"default", kDefaultText, "guided", &PromptConfig::guided},
      {"silent", kSilentText, "guided_silent", &PromptConfig::guided_silent, true},
  };
  return table;
}

std::vector<std::string> built_in_wording_names() {
  std::vector<std::string> names;
  for (const BuiltInWording& wording : built_in_wordings()) names.emplace_back(wording.name);
  return names;
}

Wordings read_wordings(const Options::Entries& entries) {
  Wordings wordings;
  for (const auto& [name, fields] : entries) {
    const std::string key = "prompt.wordings." + name;
    for (const BuiltInWording& built_in : built_in_wordings()) {
      if (name == built_in.name)
        refuse_setting(
            key, "a name of your own", "that of a built-in wording",
            "give it another name, or replace the built-in's text by prompt." + std::string(built_in.key));
    }
    if (name.empty()) refuse_setting(key, "a name", "none");
    wordings.emplace(name, read_wording(key, fields));
  }
  return wordings;
}

std::string fill_wording(std::string_view text, const WordingValues& values) {
  const std::pair<std::string_view, std::string_view> placeholders[] = {{"{problem}", values.problem},
                                                                        {"{guidance}", values.guidance},
                                                                        {"{solution}", values.solution},
                                                                        {"{answer}", values.answer}};
  std::string filled;
  for (std::size_t at = 0; at < text.size();) {
    bool replaced = false;
    for (const auto& [name, value] : placeholders) {
      if (!text.substr(at).starts_with(name)) continue;
      filled += value;
      at += name.size();
      replaced = true;
      break;
    }
    if (!replaced) filled += text[at++];
  }
  return filled;
}

bool has_placeholders(std::string_view text, const std::vector<std::string>& placeholders) {
  return std::all_of(placeholders.begin(), placeholders.end(),
                     [&](const std::string& one) { return text.find(one) != std::string_view::npos; });
}

}  // namespace pope
