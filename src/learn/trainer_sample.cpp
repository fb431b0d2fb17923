// The sampling half of a training step: prompts of the mixture → graded groups with advantages. The
// synchronous source; stream_source.cpp has the other.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/rng.h"
#include "explore/sampling.h"
#include "learn/advantage.h"
#include "learn/objective.h"
#include "learn/trainer_parts.h"

namespace pope {

namespace {

// The solution as the policy would have sampled it, end token included; empty where the prompt shows
// guidance, there is no solution, or it is longer than a rollout may be.
std::vector<int> demonstration_of(const TrainJob& job, const Group& group) {
  const Problem& problem = *group.problem;
  if (group.set->guided || problem.solution.empty()) return {};
  const Wording wording{.problem = problem.statement, .solution = problem.solution, .answer = problem.answer};
  std::vector<int> tokens =
      job.prompts->tokenizer().encode(fill_wording(job.objective.demonstration, wording));
  if (!job.stop_tokens.empty()) tokens.push_back(job.stop_tokens.front());
  const auto longest = static_cast<std::size_t>(job.sampling.max_new_tokens);
  return tokens.size() <= longest ? tokens : std::vector<int>{};
}

void set_advantages(const TrainJob& job, Group& group) {
  if (takes_demonstrations(job.objective)) group.demonstration = demonstration_of(job, group);
  std::vector<double> rewards = group.rewards;
  if (!group.demonstration.empty()) rewards.push_back(1);
  group.advantages = group_advantages(job.objective, rewards);
  if (group.demonstration.empty()) return;
  group.demonstration_advantage = group.advantages.back();
  group.advantages.pop_back();
}

}  // namespace

bool Group::has_signal() const {
  return demonstration_advantage != 0 ||
         std::any_of(advantages.begin(), advantages.end(), [](double a) { return a != 0; });
}

Explorer explorer_of(const TrainJob& job) {
  Explorer explorer{*job.engine, *job.prompts, *job.verifier};
  explorer.sampling = job.sampling;
  explorer.stop_tokens = job.stop_tokens;
  explorer.seed = job.seed;
  explorer.instruction = job.instruction;
  return explorer;
}

OpenGroup::OpenGroup(const TrainJob& job, const PromptDraw& draw, std::int64_t step, std::size_t place) {
  group_.index = step * job.config.prompts_per_step + static_cast<std::int64_t>(place);
  group_.set = draw.set;
  group_.problem = draw.problem;
  group_.prompt = prompt_of(*draw.problem, explorer_of(job));
  // The place in the batch is part of the key: a small set may be drawn from twice in one step.
  stream_ = RngStream(job.seed, {key_of("train"), static_cast<std::uint64_t>(step), place,
                                 key_of(draw.set->name), key_of(draw.problem->id)})
                .next();
  missing_ = job.config.rollouts_per_prompt;
  group_.rollouts.resize(static_cast<std::size_t>(missing_));
  group_.rewards.resize(group_.rollouts.size());
}

Request OpenGroup::request(std::size_t tag) const {
  Request request;
  request.tag = tag;
  request.stream = stream_;
  request.prompt = group_.prompt;
  request.samples = static_cast<int>(group_.rollouts.size());
  return request;
}

bool OpenGroup::add(const TrainJob& job, GradedRollout&& graded) {
  const auto sample = static_cast<std::size_t>(graded.rollout.sample);
  group_.rewards.at(sample) = graded.reward();
  group_.rollouts.at(sample) = std::move(graded);
  if (--missing_ > 0) return false;
  set_advantages(job, group_);
  return true;
}

namespace {

class SyncSource : public GroupSource {
 public:
  SyncSource(const TrainJob& job, const Mixture& mixture) : job_(job), mixture_(mixture) {}

  std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                          const std::function<void(double)>& progress) override {
    std::vector<OpenGroup> open;
    for (const PromptDraw& draw : mixture_.draw(t, job_.config.prompts_per_step))
      open.emplace_back(job_, draw, t, open.size());
    const std::size_t all = open.size() * static_cast<std::size_t>(job_.config.rollouts_per_prompt);
    std::size_t asked = 0, arrived = 0;
    const auto next = [&]() -> std::optional<Request> {
      if (asked == open.size()) return std::nullopt;
      const std::size_t tag = asked++;
      return open[tag].request(tag);
    };
    const auto posed = [&](std::size_t tag) -> const Problem& { return open.at(tag).problem(); };
    const auto arrive = [&](GradedRollout&& graded) {
      open.at(graded.rollout.tag).add(job_, std::move(graded));
      progress(static_cast<double>(++arrived) / static_cast<double>(all));
    };
    const double grading =
        timed(seconds.sample, [&] { return sample_and_grade(explorer_of(job_), next, posed, arrive); });
    if (arrived != all) throw Error("train", fmt::format("expected {} rollouts, {} came back", all, arrived));
    seconds.sample -= grading;
    seconds.verify += grading;
    std::vector<Group> groups;
    for (OpenGroup& group : open) groups.push_back(group.take());
    return groups;
  }
  void change_weights(const std::function<void()>& change) override { change(); }
  void end_step(Json&) override {}
  // Each side waits for the other.
  void add_waits(double wall, StageSeconds& seconds) override {
    seconds.learner_wait = seconds.sample + seconds.verify;
    seconds.sampler_wait = wall - seconds.learner_wait;
  }
  Json state() const override { return Json::object(); }

 private:
  const TrainJob& job_;
  const Mixture& mixture_;
};

}  // namespace

std::unique_ptr<GroupSource> sync_source(const TrainJob& job, const Mixture& mixture) {
  return std::make_unique<SyncSource>(job, mixture);
}

std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step) {
  std::vector<Json> rows;
  for (const Group& group : groups) {
    for (std::size_t i = 0; i < group.rollouts.size(); ++i) {
      Json row = record(group.rollouts[i], *group.problem, group.set->name, group.set->guided);
      row["step"] = step;
      row["reward"] = group.rewards[i];
      row["advantage"] = group.advantages[i];
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace pope
