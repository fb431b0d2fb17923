// See reflection.h.
#include "evolve/reflection.h"

#include "core/chars.h"

namespace pope {
namespace {

constexpr std::string_view kFence = "```";

std::string without_middle(std::string_view text, std::size_t most) {
  constexpr std::string_view kGap = "\n[...]\n";
  if (text.size() <= most) return std::string(text);
  const std::size_t half = most / 2;
  return std::string(text.substr(0, character_start(text, half))) + std::string(kGap) +
         std::string(text.substr(character_start(text, text.size() - half)));
}

void add_part(std::string& message, std::string_view title, std::string_view text, std::size_t most) {
  message += "\n## " + std::string(title) + "\n" + without_middle(trim(text), most) + "\n";
}

}  // namespace

std::string reflection_message(std::string_view use, std::string_view text,
                               const std::vector<Example>& examples, std::size_t most) {
  std::string message = "A model works with an instruction text that " + std::string(use) +
                        ". The text needs to become better. ";
  message += text.empty() ? "So far it is empty.\n"
                          : "This is the text so far:\n\n" + std::string(kFence) + "\n" + std::string(text) +
                                "\n" + std::string(kFence) + "\n";
  message += "\nThis is what the model did with it, and what there is to say about that:\n";
  for (std::size_t i = 0; i < examples.size(); ++i) {
    message += "\n# Example " + std::to_string(i + 1) + "\n";
    add_part(message, "Input", examples[i].input, most);
    add_part(message, "Output of the model", examples[i].output, most);
    add_part(message, "Feedback", examples[i].feedback, most);
  }
  message +=
      "\nRead what the inputs ask for, where the model went wrong and why, and what it did well. Then write "
      "a better instruction text. It speaks to the model and tells it how to work on inputs like these: the "
      "method, the knowledge and the checks that they need, and what to avoid. It will be used with other "
      "inputs of the same kind, so it must not hold these inputs or their answers. Write the whole new text, "
      "and nothing else, between " +
      std::string(kFence) + " and " + std::string(kFence) + ".";
  return message;
}

std::optional<std::string> fenced_text(std::string_view reply) {
  constexpr std::string_view kThought = "</think>";
  if (const std::size_t thought = reply.rfind(kThought); thought != std::string_view::npos)
    reply.remove_prefix(thought + kThought.size());
  const std::size_t open = reply.find(kFence), close = reply.rfind(kFence);
  if (open == std::string_view::npos || close < open + kFence.size()) return std::nullopt;
  std::string_view inside = reply.substr(open + kFence.size(), close - open - kFence.size());
  // "```text": a word that ends the line is the block's language.
  const std::size_t line = inside.find('\n');
  if (line != std::string_view::npos && inside.substr(0, line).find_first_of(" \t") == std::string_view::npos)
    inside.remove_prefix(line + 1);
  return std::string(trim(inside));
}

}  // namespace pope
