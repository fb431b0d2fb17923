// What a training step samples, and under which guidance, where that follows from what came of the steps
// before it. A new way is one file and one line of the table in curriculum.cpp; its name is train.guidance.
// Free of libtorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/files.h"
#include "data/mixture.h"
#include "data/prompt.h"

namespace pope {

struct GradedRollout;
struct Group;
struct TrainJob;

// A group that is to be sampled: train.rollouts_per_prompt rollouts of one problem.
struct GroupPlan {
  const PromptSet* set = nullptr;  // whose metrics it counts in
  std::shared_ptr<const Prompt> prompt;
  // Of each rollout, where they differ; empty: `prompt` is that of all. Rollouts of equal prompts that stand
  // side by side are sampled together.
  std::vector<std::shared_ptr<const Prompt>> prompts;
};

class Curriculum {
 public:
  virtual ~Curriculum() = default;
  // The sets that groups belong to. They outlive the groups.
  virtual const std::vector<PromptSet>& sets() const = 0;
  // Whether there is work to do before 0-based step t, which prepare(t) then does; a checkpoint is saved
  // before it. Where a run goes on from that checkpoint it is done again, with the same result.
  virtual bool works_before(std::int64_t t) const { return (void)t, false; }
  virtual void prepare(std::int64_t t) { (void)t; }
  // The groups of step t, train.prompts_per_step of them.
  virtual std::vector<GroupPlan> plan(std::int64_t t) const = 0;
  // Asked when all rollouts of a group are graded, and again after each join(): a prompt under which as many
  // more are sampled; null: none. `tried`: how many it was given before.
  virtual std::shared_ptr<const Prompt> more(const Group& group, int tried) const {
    return (void)group, (void)tried, nullptr;
  }
  // What came of more(); may take rollouts into Group::joined.
  virtual void join(Group& group, const std::shared_ptr<const Prompt>& prompt,
                    std::vector<GradedRollout>&& rollouts) const {
    (void)group, (void)prompt, (void)rollouts;
  }
  // What came of the groups of a step, in the same order.
  virtual void learn_from(const std::vector<Group>& groups) { (void)groups; }
  // Metrics of its own.
  virtual void add_metrics(Json& row) const { (void)row; }
  // What a checkpoint keeps of it, and the taking up of that.
  virtual Json state() const { return Json::object(); }
  virtual void restore(const Json& state) { (void)state; }
};

// All outlive it. `run`: the folder of the run, where it may keep what it paid for.
using MakeCurriculum = std::function<std::unique_ptr<Curriculum>(const TrainJob& job, const Mixture& mixture,
                                                                 const std::filesystem::path& run)>;
// By name. A program of your own may add to it before it is used.
std::map<std::string, MakeCurriculum>& curricula();
std::vector<std::string> curriculum_kinds();

}  // namespace pope
