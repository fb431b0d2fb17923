// learn() without sampling: groups of given completions and rewards, and a source that only changes weights.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "learn/batch.h"
#include "learn/learner.h"
#include "learn/policy_gradient.h"
#include "learn/tiny.h"
#include "model/model.h"

namespace pope::test {

// Completions with the logprobs that the job's model gives them now, as if it had sampled them.
inline Group group_of(const TrainJob& job, const std::vector<int>& prompt,
                      const std::vector<std::vector<int>>& completions, const std::vector<double>& rewards) {
  const c10::NoGradGuard no_grad;
  Group group;
  group.prompt = std::make_shared<const Prompt>(Prompt{.sample = prompt, .train = prompt});
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const MicroBatch micro = micro_batches({{.prompt = prompt, .completion = completions[i]}}, 1)[0];
    const at::Tensor logprobs = token_logprobs_of(*job.model, micro, job.sampling.temperature).logprobs;
    GradedRollout graded;
    graded.verdict.correct = rewards[i] == 1;
    graded.rollout.tokens = completions[i];
    graded.rollout.logprobs.assign(logprobs.data_ptr<float>(), logprobs.data_ptr<float>() + logprobs.numel());
    group.rollouts.push_back(std::move(graded));
  }
  const std::shared_ptr<const PromptRenderer> prompts =
      tiny_prompts();  // of demonstrations, which there are none of
  set_signal({job.objective, *prompts}, group);
  return group;
}

class NoSource : public GroupSource {
 public:
  std::vector<Group> take(std::int64_t, StageSeconds&, const std::function<void(double)>&) override {
    return {};
  }
  void change_weights(const std::function<void()>& change) override { change(); }
  void end_step(Json&) override {}
  void add_waits(double, StageSeconds&) override {}
  Json state() const override { return Json::object(); }
};

inline LearnResult learn_batch(const TrainJob& job, std::vector<Group> groups, std::int64_t t,
                               Optimizer& optimizer) {
  NoSource source;
  StageSeconds seconds;
  return learn(job, groups, t, optimizer, source, seconds);
}

}  // namespace pope::test
