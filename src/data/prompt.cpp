// Problem and wording → prompt. The one place where it is decided whether guidance is shown, and how.
#include "data/prompt.h"

#include <utility>

namespace pope {

Prompt make_prompt(const PromptRenderer& renderer, Problem problem, bool show_guidance) {
  Prompt prompt;
  prompt.problem = std::move(problem);
  std::optional<Guidance>& guidance = prompt.problem.guidance;
  if (!show_guidance) guidance.reset();
  if (guidance && guidance->instruction.empty()) guidance->instruction = renderer.instruction();
  if (guidance) guidance->continues = renderer.wording(guidance->instruction).continues;
  prompt.sample = guidance ? renderer.render(prompt.problem.statement, guidance->text, guidance->instruction)
                           : renderer.render(prompt.problem.statement);
  prompt.train = prompt.sample;
  return prompt;
}

}  // namespace pope
