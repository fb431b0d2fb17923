// Where the groups of a training step come from: prompts of the mixture → graded groups with their signal.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "data/mixture.h"
#include "explore/sampling.h"
#include "learn/curriculum.h"
#include "learn/signal.h"
#include "learn/stopwatch.h"
#include "learn/trainer.h"

namespace pope {

// The job's engine, or another, its prompts, verifier and sampling settings.
RolloutContext rollout_context(const TrainJob& job);
RolloutContext rollout_context(const TrainJob& job, Engine& engine);

// A problem with its guidance or without, trained under the same or, with context distillation, without.
std::shared_ptr<const Prompt> drawn_prompt(const TrainJob& job, const Problem& problem, bool show_guidance);
// The key of the random streams of the group at `place` of step `step`.
std::uint64_t group_key(const TrainJob& job, const PromptSet& set, const std::string& problem_id,
                        std::int64_t step, std::size_t place);

// The work of sampling place `place` of what step `step` draws from the mixture; its tag is the group's
// index.
Work group_work(const TrainJob& job, const PromptDraw& draw, std::int64_t step, std::size_t place);
// What came of it: a group with its signal.
Group finished_group(const TrainJob& job, const PromptSet* set, Sampled&& sampled);

// Where the groups of a training step come from: what tells the synchronous and the asynchronous trainer
// apart.
class GroupSource {
 public:
  virtual ~GroupSource() = default;
  // The groups that 0-based step t learns from; steps are asked for in order. `progress` is told the finished
  // part, in (0, 1]. An error while sampling is thrown here.
  virtual std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                                  const std::function<void(double)>& progress) = 0;
  // The groups that were taken last cannot be learned from: what is kept of their rollouts is not to come
  // again.
  virtual void forget() {}
  // Does `change` to the weights at a moment when no sampling reads them, and tells the engine.
  virtual void change_weights(const std::function<void()>& change) = 0;
  // The step that took the last groups is done: adds metrics of its own to the step's row.
  virtual void end_step(Json& row) = 0;
  // Adds what was waited since the last call, at the end of a step that took `wall` seconds.
  virtual void add_waits(double wall, StageSeconds& seconds) = 0;
  // What a checkpoint has to keep of the source.
  virtual Json state() const = 0;
};
// Samples a step's groups, those that the curriculum has planned, when they are asked for. What servers
// sample is kept in the folder of the run (journaled_engine.h).
std::unique_ptr<GroupSource> sync_source(const TrainJob& job, const Curriculum& curriculum,
                                         const std::filesystem::path& run);

// The rollouts of a step, as run directories keep them, each with the prompt that it had; joined ones are of
// the set "joined".
std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step);

}  // namespace pope
