// The one list of verbs.
#include "pope/verb.h"

#include <array>

namespace pope {

std::span<const Verb* const> all_verbs() {
  static constexpr std::array<const Verb*, 20> verbs = {
      &mine_verb,     &guide_verb,  &train_verb,  &eval_verb,      &report_verb, &watch_verb, &serve_verb,
      &problems_verb, &prompt_verb, &verify_verb, &collect_verb,   &evolve_verb, &sft_verb,   &export_verb,
      &doctor_verb,   &init_verb,   &pairs_verb,  &reproduce_verb, &plan_verb,   &agent_verb};
  return verbs;
}

std::vector<std::string> sampling_keys(std::vector<std::string> more) {
  more.insert(more.end(), {"run.label", "run.seed", "run.threads", "run.dtype", "run.device", "paths.model",
                           "paths.problems", "problems.*", "engine.*", "sampling.*", "prompt.*", "verify.*"});
  return more;
}

}  // namespace pope
