// A graded rollout as JSON.
#include "rollout/record.h"

namespace pope {

Json record(const GradedRollout& graded, const Prompt& prompt, const std::string& set) {
  const Rollout& rollout = graded.rollout;
  const Problem& problem = prompt.problem;
  return {{"problem_id", problem.id},
          {"set", set},
          {"guided", prompt.guided()},
          {"sample", rollout.sample},
          {"problem", problem.statement},
          {"guidance", prompt.guided() ? Json(problem.guidance->text) : Json(nullptr)},
          {"answer", problem.answer},
          {"completion", graded.completion},
          {"tokens", rollout.tokens.size()},
          {"finish", graded.truncated() ? "length" : "stop"},
          {"correct", graded.verdict.correct},
          {"ungraded", graded.ungraded()},
          {"extracted", graded.verdict.extracted},
          {"reason", graded.verdict.reason},
          {"policy_version", rollout.policy_version},
          {"policy_version_last",
           rollout.tokens.empty() ? rollout.policy_version : rollout.version_of(rollout.tokens.size() - 1)}};
}

}  // namespace pope
