// Grading a rollout, and its record.
#include "rollout/record.h"

#include <utility>

#include "core/chars.h"

namespace pope {
namespace {

// Whether the prompt ends by opening a thinking block, as the chat templates of models that always reason do.
bool opens_thinking(const Rollout& rollout, const Tokenizer& tokenizer) {
  return trim(tokenizer.decode(rollout.prompt_end, false)).ends_with("<think>");
}

}  // namespace

GradedRollout grade(Rollout&& rollout, const Problem& problem, const Tokenizer& tokenizer,
                    const Verifier& verifier) {
  GradedRollout graded;
  graded.completion = tokenizer.decode(rollout.tokens);
  // A completion that does not get out of the block that its prompt opened is nothing but thought.
  const bool unfinished =
      graded.completion.find("</think>") == std::string::npos && opens_thinking(rollout, tokenizer);
  graded.verdict = verifier.verify(problem, unfinished ? "<think>" + graded.completion : graded.completion);
  graded.rollout = std::move(rollout);
  return graded;
}

Json record(const GradedRollout& graded, const Problem& problem, const std::string& set, bool guided) {
  const Rollout& rollout = graded.rollout;
  const bool shown = guided && problem.guidance;
  return {{"problem_id", problem.id},
          {"set", set},
          {"guided", guided},
          {"sample", rollout.sample},
          {"problem", problem.statement},
          {"guidance", shown ? Json(problem.guidance->text) : Json(nullptr)},
          {"answer", problem.answer},
          {"completion", graded.completion},
          {"tokens", rollout.tokens.size()},
          {"finish", rollout.finish == FinishReason::stop ? "stop" : "length"},
          {"correct", graded.verdict.correct},
          {"undecided", graded.verdict.undecided},
          {"extracted", graded.verdict.extracted},
          {"reason", graded.verdict.reason},
          {"policy_version", rollout.policy_version},
          {"policy_version_last",
           rollout.tokens.empty() ? rollout.policy_version : rollout.version_of(rollout.tokens.size() - 1)}};
}

}  // namespace pope
