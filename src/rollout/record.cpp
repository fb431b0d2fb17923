// Grading a rollout, and its record.
#include "rollout/record.h"

#include <utility>

namespace pope {

GradedRollout grade(Rollout&& rollout, const Problem& problem, const Tokenizer& tokenizer,
                    const Verifier& verifier) {
  GradedRollout graded;
  graded.completion = tokenizer.decode(rollout.tokens);
  graded.verdict = verifier.verify(problem, graded.completion);
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
          {"policy_version", rollout.policy_version}};
}

}  // namespace pope
