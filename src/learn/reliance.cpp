// See reliance.h. One forward pass without gradient over the guided successes.
#include "learn/reliance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "learn/policy_gradient.h"
#include "learn/trainer.h"

namespace pope {

double transfer_weight(double reliance, double temperature) {
  return std::exp(-std::max(reliance, 0.0) / temperature);
}

void weigh_by_reliance(const TrainJob& job, std::vector<Group>& groups) {
  struct Success {
    Group* group;
    std::size_t place;      // in Group::rewards
    double guided_logprob;  // mean
  };
  std::vector<Success> successes;
  std::vector<Sequence> sequences;  // of each, without the guidance
  for (Group& group : groups) {
    group.rewards.clear();
    const auto add = [&](const Prompt& prompt, const GradedRollout& graded) {
      group.rewards.push_back(graded.reward());
      if (!prompt.guided() || !graded.verdict.correct) return;
      const std::vector<float>& logprobs = graded.rollout.logprobs;
      successes.push_back(
          {&group, group.rewards.size() - 1,
           std::accumulate(logprobs.begin(), logprobs.end(), 0.0) / static_cast<double>(logprobs.size())});
      sequences.push_back(
          {.prompt = make_prompt(*job.prompts, prompt.problem, /*show_guidance=*/false).sample,
           .completion = graded.rollout.tokens});
    };
    for (std::size_t i = 0; i < group.rollouts.size(); ++i) add(group.prompt_of(i), group.rollouts[i]);
    for (const Joined& joined : group.joined) add(*joined.prompt, joined.graded);
  }
  const std::vector<SequenceMean> bare =
      sequence_means(*job.model, sequences, job.sampling.temperature, job.config.micro_batch_tokens);
  for (std::size_t i = 0; i < successes.size(); ++i) {
    const auto& [group, place, guided_logprob] = successes[i];
    const double reliance = guided_logprob - bare[i].logprob;
    group->rewards[place] = transfer_weight(reliance, job.objective.transfer_temperature);
    group->reliances.push_back(reliance);
  }
}

}  // namespace pope
