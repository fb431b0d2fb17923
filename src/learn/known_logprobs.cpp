// See known_logprobs.h.
#include "learn/known_logprobs.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "learn/policy_gradient.h"

namespace pope {
namespace {

bool lacks_some(const Rollout& rollout) {
  return std::any_of(rollout.logprobs.begin(), rollout.logprobs.end(),
                     [](float one) { return std::isnan(one); });
}

[[noreturn]] void refuse(const Rollout& rollout) {
  throw Error("train",
              "expected the logprobs of all tokens of a rollout by the weights of version " +
                  std::to_string(rollout.policy_version) + ", got some without",
              "those of other weights than the trainer's now cannot be computed again: start vLLM with "
              "--logprobs-mode processed_logprobs, or set sampling.temperature=1, or train.mode=sync and "
              "engine.publish_every=1");
}

}  // namespace

void complete_logprobs(const TrainJob& job, std::vector<Group>& groups) {
  std::vector<Rollout*> rollouts;
  std::vector<Sequence> sequences;
  const auto look_at = [&](Rollout& rollout, const Prompt& prompt) {
    if (!lacks_some(rollout)) return;
    if (rollout.policy_version != job.model->version) refuse(rollout);
    rollouts.push_back(&rollout);
    sequences.push_back({.prompt = prompt.sample, .completion = rollout.tokens});
  };
  for (Group& group : groups) {
    for (std::size_t i = 0; i < group.rollouts.size(); ++i)
      look_at(group.rollouts[i].rollout, group.prompt_of(i));
    for (Joined& joined : group.joined) look_at(joined.graded.rollout, *joined.prompt);
  }
  for_each_target(*job.model, sequences, job.sampling.temperature, job.config.micro_batch_tokens,
                  [&](const Target& target) {
                    Rollout& rollout = *rollouts[target.sequence];
                    rollout.filled.resize(rollout.logprobs.size(), 0);
                    float& known = rollout.logprobs.at(target.position);
                    if (!std::isnan(known)) return;
                    known = target.logprob;
                    rollout.filled[target.position] = 1;
                  });
}

void require_logprobs(const Group& group) {
  for (const GradedRollout& graded : group.rollouts)
    if (lacks_some(graded.rollout)) refuse(graded.rollout);
}

}  // namespace pope
