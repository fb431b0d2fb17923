// The parts of the trainer, internal to it: where a step's groups come from, how it learns from them, how
// it is measured. trainer.cpp strings them together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/mixture.h"
#include "explore/sampling.h"
#include "learn/context_distillation.h"
#include "learn/objective.h"
#include "learn/optimizer.h"
#include "learn/signal.h"
#include "learn/stopwatch.h"
#include "learn/trainer.h"

namespace pope {

struct StageSeconds {
  double sample = 0, verify = 0, learn = 0, optimizer = 0, checkpoint = 0, eval = 0;
  double sampler_wait = 0, learner_wait = 0;  // time each side waited for the other
};

// The job's engine, prompts, verifier and sampling settings.
RolloutContext rollout_context(const TrainJob& job);

// The work of sampling place `place` of what step `step` draws from the mixture; its tag is the group's
// index.
Work group_work(const TrainJob& job, const PromptDraw& draw, std::int64_t step, std::size_t place);
// What came of it: a group with its signal.
Group finished_group(const TrainJob& job, const PromptSet* set, Sampled&& sampled);

// Where the groups of a training step come from: what tells the synchronous and the streaming trainer apart.
class GroupSource {
 public:
  virtual ~GroupSource() = default;
  // The groups that 0-based step t learns from; steps are asked for in order. `progress` is told the finished
  // part, in (0, 1]. An error while sampling is thrown here.
  virtual std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                                  const std::function<void(double)>& progress) = 0;
  // Does `change` to the weights at a moment when no sampling reads them, and tells the engine.
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
  DistillationMask distillation;
};
// The optimiser steps of 0-based step t, whose groups came from `source`. Context distillation changes their
// sequences. Error when the loss or the gradient norm is not finite, or the sampler's logprobs are not those
// of the trainer's weights (train.max_sampler_mismatch).
LearnResult learn(const TrainJob& job, std::vector<Group>& groups, std::int64_t t, Optimizer& optimizer,
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
