// Wordings: how a prompt shows guidance to the model. A wording is the text of the user's message and the
// place where the guidance stands. Two are built in; settings add others by name (prompt.wordings).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"

namespace pope {

// Where guidance stands: in the user's message, or as the beginning of the assistant's answer.
inline constexpr auto kInUser = "user", kInAssistant = "assistant";

struct Wording {
  std::string text;                   // the user's message; {problem} and, in the message, {guidance}
  std::string guidance_in = kInUser;  // kInUser | kInAssistant
  // The answer goes on where the guidance ends: it need not restate it. A verifier that judges whole answers
  // puts the guidance in front.
  bool continues = false;
};
using Wordings = std::map<std::string, Wording>;

struct PromptConfig;
struct BuiltInWording {
  const char* name;
  const char* text;                     // in the user's message
  const char* key;                      // of the setting in section prompt that replaces `text`
  std::string PromptConfig::*replaced;  // where that setting is kept
  bool continues = false;               // Wording::continues
};
const std::vector<BuiltInWording>& built_in_wordings();
std::vector<std::string> built_in_wording_names();

// The message of a problem without guidance.
extern const char* const kUnguidedText;

// The wordings of the setting prompt.wordings: {NAME: {text: …, guidance_in: user | assistant}}. Error: a
// name that is built in, a field that there is not, an unknown placement, a text without {problem}, or whose
// {guidance} is missing (user) or would show it twice (assistant).
Wordings read_wordings(const Options::Entries& entries);

// Replaces {problem}, {guidance}, {solution}, {answer} in one pass: what is inserted is not scanned again.
struct WordingValues {
  std::string_view problem, guidance, solution, answer;
};
std::string fill_wording(std::string_view text, const WordingValues& values);
// Whether all of `placeholders` stand in the text.
bool has_placeholders(std::string_view text, const std::vector<std::string>& placeholders);

}  // namespace pope
