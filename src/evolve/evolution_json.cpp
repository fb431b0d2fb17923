// An evolution as rows and as a result.
#include <algorithm>

#include "evolve/evolve.h"

namespace pope {

std::vector<Json> candidate_rows(const Evolution& evolution) {
  const Scores scores = evolution.scores();
  const Fronts fronts = instance_fronts(scores), pruned = pruned_fronts(scores);
  const std::vector<int> counts = front_counts(pruned, scores.size());
  std::vector<Json> rows;
  for (int i = 0; i < std::ssize(evolution.candidates); ++i) {
    const Candidate& candidate = evolution.candidates[i];
    Json by_instance = Json::object(), best_on = Json::array();
    for (std::size_t k = 0; k < evolution.dev.size(); ++k) {
      by_instance[evolution.dev[k]] = candidate.scores[k];
      if (std::find(fronts[k].begin(), fronts[k].end(), i) != fronts[k].end())
        best_on.push_back(evolution.dev[k]);
    }
    rows.push_back({{"candidate", i},
                    {"parents", candidate.parents},
                    {"component", candidate.component},
                    {"texts", candidate.texts},
                    {"mean", mean_score(candidate.scores)},
                    {"scores", std::move(by_instance)},
                    {"best_on", std::move(best_on)},
                    {"weight", counts[static_cast<std::size_t>(i)]},
                    {"iteration", candidate.iteration},
                    {"metric_calls", candidate.metric_calls}});
  }
  return rows;
}

std::vector<Json> proposal_rows(const Evolution& evolution) {
  std::vector<Json> rows;
  for (const Proposal& one : evolution.proposals) {
    rows.push_back({{"iteration", one.iteration},
                    {"parents", one.parents},
                    {"component", one.component},
                    {"instances", one.instances},
                    {"before", one.before},
                    {"after", one.after},
                    {"outcome", one.outcome},
                    {"note", one.note},
                    {"candidate", one.candidate < 0 ? Json(nullptr) : Json(one.candidate)},
                    {"reply", one.reply}});
  }
  return rows;
}

Json to_json(const Evolution& evolution) {
  const Scores scores = evolution.scores();
  const int best = best_candidate(scores);
  Json outcomes = Json::object();
  for (const char* name :
       {"accepted", "not better", "nothing to improve", "empty", "no fence", "unchanged", "known", "refused"})
    outcomes[name] = 0;
  for (const Proposal& one : evolution.proposals)
    outcomes[one.outcome] = outcomes[one.outcome].get<int>() + 1;
  return {{"candidates", scores.size()},
          {"best", best},
          {"best_texts", evolution.candidates[best].texts},
          {"best_mean", mean_score(scores[best])},
          {"seed_mean", mean_score(scores[0])},
          {"dev", evolution.dev.size()},
          {"cover", greedy_cover(scores)},
          {"ended", evolution.ended},
          {"iterations", evolution.iterations},
          {"outcomes", std::move(outcomes)},
          {"merges", evolution.merges},
          {"metric_calls", evolution.metric_calls},
          {"reflections", evolution.reflections},
          {"rollout_tokens", evolution.rollout_tokens},
          {"reflection_tokens", evolution.reflection_tokens},
          {"reflection_prompt_tokens", evolution.reflection_prompt_tokens},
          {"failures", evolution.failures},
          {"damaged", evolution.damaged}};
}

}  // namespace pope
