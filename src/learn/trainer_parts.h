// The parts of the synchronous trainer, internal to it: what one step samples, how it learns from that, how
// it is measured. All are functions of (job, weights, step); trainer.cpp strings them together.
#pragma once

#include <functional>
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
};

// What the exploring functions share with training: who samples, how a problem is posed, who grades.
Explorer explorer_of(const TrainJob& job);

// Samples and grades the prompts of step `step`, rollouts in sample order. `progress` is
// told the finished part, in (0, 1], after each.
std::vector<Group> sample_groups(const TrainJob& job, const Mixture& mixture, std::int64_t step,
                                 StageSeconds& seconds, const std::function<void(double)>& progress);

struct LearnResult {
  int updates = 0;  // optimiser steps taken
  double loss = 0, grad_norm = 0, lr = 0;
  std::int64_t tokens = 0, demonstration_tokens = 0;
  RatioMetrics ratio;
  double gap_mean = 0, gap_max = 0;  // on the first update
  double entropy = 0, kl = 0, demonstration = 0;
};
// The optimiser steps of 0-based step t. Error when the loss or the gradient norm is not finite.
LearnResult learn(const TrainJob& job, const std::vector<Group>& groups, std::int64_t t, Optimizer& optimizer,
                  StageSeconds& seconds);

// Metrics of what was sampled (reward/SET …, groups/…) and of what was learned; docs/metrics.md defines each.
void add_group_metrics(const TrainJob& job, const Mixture& mixture, const std::vector<Group>& groups,
                       Json& row);
void add_learn_metrics(const TrainJob& job, const LearnResult& result, Json& row);
void add_seconds(const StageSeconds& seconds, Json& row);
// Samples the eval sets under fixed random streams: eval/NAME/unguided/pass@1 …
void add_eval_metrics(const TrainJob& job, Json& row);
std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step);

}  // namespace pope
