// See answer_hint.h.
#include "explore/answer_hint.h"

#include <utility>

namespace pope {

void add_answer_hint_wording(PromptConfig& config) {
  const std::string hint =
      "\n\nHint: the final answer is {guidance}. Work out, step by step, how one comes to it, without a word "
      "about the hint.";
  config.wordings.emplace(kAnswerHint, std::map<std::string, std::string>{{"text", config.unguided + hint}});
}

std::vector<Problem> with_answer_hints(std::vector<Problem> problems) {
  for (Problem& problem : problems) {
    Guidance guidance;
    guidance.kind = "answer";
    guidance.text = problem.answer;
    guidance.instruction = kAnswerHint;
    problem.guidance = std::move(guidance);
  }
  return problems;
}

}  // namespace pope
