// The parts of the trainer, internal to it: where a step's groups come from, how it learns from them, how
// it is measured. trainer.cpp strings them together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/mixture.h"
#include "explore/mine.h"
#include "learn/objective.h"
#include "learn/optimizer.h"
#include "learn/stopwatch.h"
#include "learn/trainer.h"
#include "rollout/record.h"

namespace pope {

// The rollouts of one prompt.
struct Group {
  std::int64_t index = 0;  // place in the order of the mixture: step · prompts_per_step + place in the step
  const PromptSet* set = nullptr;
  const Problem* problem = nullptr;  // as prompted: of the mixture
  std::vector<int> prompt;
  std::vector<GradedRollout> rollouts;
  std::vector<double> rewards, advantages;
  // Of an objective that takes one: the solution's tokens, whose reward is 1. Empty: none.
  std::vector<int> demonstration;
  double demonstration_advantage = 0;
  // Whether any advantage is not zero. Groups without signal add nothing to the policy loss and its gradient.
  bool has_signal() const;
};

struct StageSeconds {
  double sample = 0, verify = 0, learn = 0, optimizer = 0, checkpoint = 0, eval = 0;
  double sampler_wait = 0, learner_wait = 0;  // the one for the other
};

// What the exploring functions share with training: who samples, how a problem is posed, who grades.
Explorer explorer_of(const TrainJob& job);

// A group whose rollouts are being sampled.
class OpenGroup {
 public:
  // For place `place` of what step `step` draws from the mixture.
  OpenGroup(const TrainJob& job, const PromptDraw& draw, std::int64_t step, std::size_t place);
  Request request(std::size_t tag) const;  // of all its rollouts
  const Problem& problem() const { return *group_.problem; }
  // Takes a rollout in; true when it was the last: rollouts are in sample order then, and advantages known.
  bool add(const TrainJob& job, GradedRollout&& graded);
  Group take() { return std::move(group_); }

 private:
  Group group_;
  std::uint64_t stream_ = 0;
  int missing_ = 0;
};

// Where the groups of a training step come from: what tells the synchronous and the streaming trainer apart.
class GroupSource {
 public:
  virtual ~GroupSource() = default;
  // The groups that 0-based step t learns from; steps are asked for in order. `progress` is told the finished
  // part, in (0, 1]. An error while sampling is thrown here.
  virtual std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                                  const std::function<void(double)>& progress) = 0;
  // Does `change` to the weights at a moment when no sampling reads them.
  virtual void change_weights(const std::function<void()>& change) = 0;
  // The step that took the last groups is done: adds metrics of its own to the step's row.
  virtual void end_step(Json& row) = 0;
  // Adds what was waited since the last call, at the end of a step that took `wall` seconds.
  virtual void add_waits(double wall, StageSeconds& seconds) = 0;
  // What a checkpoint has to keep of the source.
  virtual Json state() const = 0;
};
// Samples a step's groups when they are asked for.
std::unique_ptr<GroupSource> sync_source(const TrainJob& job, const Mixture& mixture);

struct LearnResult {
  int updates = 0;  // optimiser steps taken
  double loss = 0, grad_norm = 0, lr = 0;
  double grad_clipped = 0;  // part of the updates whose gradient was above clip_norm
  std::int64_t tokens = 0, demonstration_tokens = 0;
  RatioMetrics ratio;
  struct Gap {
    double mean = 0, max = 0;
  };
  std::optional<Gap> gap;  // of the first update, where it had tokens
  double entropy = 0, kl = 0, demonstration = 0;
};
// The optimiser steps of 0-based step t, whose groups came from `source`. Error when the loss or the gradient
// norm is not finite.
LearnResult learn(const TrainJob& job, const std::vector<Group>& groups, std::int64_t t, Optimizer& optimizer,
                  GroupSource& source, StageSeconds& seconds);

// Metrics of what was sampled (reward/SET …, groups/…) and of what was learned; docs/metrics.md defines each.
void add_group_metrics(const TrainJob& job, const Mixture& mixture, const std::vector<Group>& groups,
                       Json& row);
void add_learn_metrics(const TrainJob& job, const LearnResult& result, Json& row);
void add_seconds(const StageSeconds& seconds, double wall, Json& row);
// Samples the eval sets under fixed random streams: eval/NAME/unguided/pass@1 …
void add_eval_metrics(const TrainJob& job, Json& row);
std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step);

}  // namespace pope
