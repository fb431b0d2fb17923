// The synchronous source, and what it shares with the asynchronous one (async_source.h).
#include "learn/group_source.h"

#include <map>

#include "core/rng.h"
#include "learn/context_distillation.h"
#include "rollout/record.h"

namespace pope {

RolloutContext rollout_context(const TrainJob& job) {
  RolloutContext context{*job.engine, *job.prompts, *job.verifier};
  context.sampling = job.sampling;
  context.stop_tokens = job.stop_tokens;
  context.seed = job.seed;
  context.truncation = job.truncation;
  context.graders = job.graders;
  return context;
}

Work group_work(const TrainJob& job, const PromptDraw& draw, std::int64_t step, std::size_t place) {
  Prompt prompt = make_prompt(*job.prompts, *draw.problem, draw.set->guided);
  if (job.objective.context_distillation) prompt = trained_without_guidance(*job.prompts, std::move(prompt));
  Work work;
  work.tag = static_cast<std::size_t>(step * job.config.prompts_per_step) + place;
  work.prompt = std::make_shared<const Prompt>(std::move(prompt));
  // The place in the batch is part of the key: a small set may be drawn from twice in one step.
  work.rng_key = RngStream(job.seed, {key_of("train"), static_cast<std::uint64_t>(step), place,
                                      key_of(draw.set->name), key_of(draw.problem->id)})
                     .next();
  work.samples = job.config.rollouts_per_prompt;
  return work;
}

Group finished_group(const TrainJob& job, const PromptSet* set, Sampled&& sampled) {
  Group group;
  group.index = static_cast<std::int64_t>(sampled.tag);
  group.set = set;
  group.prompt = std::move(sampled.prompt);
  group.rollouts = std::move(sampled.rollouts);
  set_signal({job.objective, *job.prompts, job.stop_tokens.empty() ? -1 : job.stop_tokens.front(),
              job.sampling.max_new_tokens},
             group);
  return group;
}

namespace {

class SyncSource : public GroupSource {
 public:
  SyncSource(const TrainJob& job, const Mixture& mixture) : job_(job), mixture_(mixture) {}

  std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                          const std::function<void(double)>& progress) override {
    const std::vector<PromptDraw> draws = mixture_.draw(t, job_.config.prompts_per_step);
    const std::size_t first = static_cast<std::size_t>(t) * draws.size();
    std::map<std::size_t, std::optional<Group>> groups;  // by place
    for (std::size_t place = 0; place < draws.size(); ++place) {
      if (job_.processes->owns(place)) groups[place];
    }
    const std::size_t all = groups.size() * static_cast<std::size_t>(job_.config.rollouts_per_prompt);
    auto asked = groups.begin();
    std::size_t graded = 0;
    const auto next = [&]() -> std::optional<Work> {
      if (asked == groups.end()) return std::nullopt;
      const std::size_t place = (asked++)->first;
      return group_work(job_, draws[place], t, place);
    };
    const auto done = [&](Sampled&& sampled) {
      const std::size_t place = sampled.tag - first;
      groups.at(place) = finished_group(job_, draws.at(place).set, std::move(sampled));
    };
    const auto on_graded = [&](std::size_t, const GradedRollout&) {
      progress(static_cast<double>(++graded) / static_cast<double>(all));
    };
    const double grading =
        timed(seconds.sample, [&] { return sample_and_grade(rollout_context(job_), next, done, on_graded); });
    seconds.sample -= grading;
    seconds.verify += grading;
    std::vector<Group> taken;
    for (auto& [place, group] : groups) taken.push_back(std::move(*group));
    return taken;
  }
  void change_weights(const std::function<void()>& change) override {
    change();
    job_.engine->publish(job_.model->version);
  }
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
      Json row = record(group.rollouts[i], *group.prompt, group.set->name);
      row["step"] = step;
      row["reward"] = group.rollouts[i].reward();
      row["advantage"] = group.advantages[i];
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace pope
