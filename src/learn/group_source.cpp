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

std::shared_ptr<const Prompt> drawn_prompt(const TrainJob& job, const Problem& problem, bool show_guidance) {
  Prompt prompt = make_prompt(*job.prompts, problem, show_guidance);
  if (job.objective.context_distillation) prompt = trained_without_guidance(*job.prompts, std::move(prompt));
  return std::make_shared<const Prompt>(std::move(prompt));
}

std::uint64_t group_key(const TrainJob& job, const PromptSet& set, const std::string& problem_id,
                        std::int64_t step, std::size_t place) {
  // The place in the batch is part of the key: a small set may be drawn from twice in one step.
  return RngStream(job.seed, {key_of("train"), static_cast<std::uint64_t>(step), place, key_of(set.name),
                              key_of(problem_id)})
      .next();
}

Work group_work(const TrainJob& job, const PromptDraw& draw, std::int64_t step, std::size_t place) {
  Work work;
  work.tag = static_cast<std::size_t>(step * job.config.prompts_per_step) + place;
  work.prompt = drawn_prompt(job, *draw.problem, draw.set->guided);
  work.rng_key = group_key(job, *draw.set, draw.problem->id, step, place);
  work.samples = job.config.rollouts_per_prompt;
  return work;
}

namespace {

void complete(const TrainJob& job, Group& group) {
  const int end_token = job.stop_tokens.empty() ? -1 : job.stop_tokens.front();
  set_signal({job.objective, *job.prompts, end_token, job.sampling.max_new_tokens}, group);
}

}  // namespace

Group finished_group(const TrainJob& job, const PromptSet* set, Sampled&& sampled) {
  Group group;
  group.index = static_cast<std::int64_t>(sampled.tag);
  group.set = set;
  group.prompt = std::move(sampled.prompt);
  group.rollouts = std::move(sampled.rollouts);
  complete(job, group);
  return group;
}

namespace {

// The groups of a step while they are sampled. One whose rollouts have prompts of their own is several pieces
// of work, each a run of equal prompts.
class StepGroups {
 public:
  StepGroups(const TrainJob& job, std::vector<GroupPlan> plan, std::int64_t t) : job_(job), t_(t) {
    for (std::size_t place = 0; place < plan.size(); ++place) {
      if (!job.processes->owns(place)) continue;
      Group& group = groups_[place];
      group.index = t * std::ssize(plan) + static_cast<std::int64_t>(place);
      group.set = plan[place].set;
      group.prompt = std::move(plan[place].prompt);
      group.prompts = std::move(plan[place].prompts);
      group.rollouts.resize(static_cast<std::size_t>(job.config.rollouts_per_prompt));
      add_pieces(place);
    }
  }

  std::optional<Work> next() {
    if (next_ == pieces_.size()) return std::nullopt;
    const Piece& piece = pieces_[next_];
    const Group& group = groups_.at(piece.place);
    Work work;
    work.tag = next_++;
    work.prompt = group.prompts.empty() ? group.prompt : group.prompts[piece.begin];
    work.rng_key = group_key(job_, *group.set, group.prompt->problem.id, t_, piece.place);
    work.first_sample = static_cast<int>(piece.begin);
    work.samples = static_cast<int>(piece.end - piece.begin);
    return work;
  }

  void add(Sampled&& sampled) {
    const Piece& piece = pieces_.at(sampled.tag);
    std::move(sampled.rollouts.begin(), sampled.rollouts.end(),
              groups_.at(piece.place).rollouts.begin() + static_cast<std::ptrdiff_t>(piece.begin));
  }

  std::size_t rollouts() const {
    return groups_.size() * static_cast<std::size_t>(job_.config.rollouts_per_prompt);
  }

  // All of them, with their signal.
  std::vector<Group> take() {
    std::vector<Group> taken;
    for (auto& [place, group] : groups_) {
      complete(job_, group);
      taken.push_back(std::move(group));
    }
    return taken;
  }

 private:
  struct Piece {
    std::size_t place, begin, end;  // rollouts [begin, end) of the group
  };

  void add_pieces(std::size_t place) {
    const Group& group = groups_.at(place);
    const auto same = [&](std::size_t a, std::size_t b) {
      return group.prompts.empty() || group.prompts[a]->sample == group.prompts[b]->sample;
    };
    for (std::size_t begin = 0, end = 0; begin < group.rollouts.size(); begin = end) {
      while (end < group.rollouts.size() && same(begin, end)) ++end;
      pieces_.push_back({place, begin, end});
    }
  }

  const TrainJob& job_;
  const std::int64_t t_;
  std::map<std::size_t, Group> groups_;  // by place
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
};

class SyncSource : public GroupSource {
 public:
  SyncSource(const TrainJob& job, const Curriculum& curriculum) : job_(job), curriculum_(curriculum) {}

  std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                          const std::function<void(double)>& progress) override {
    StepGroups groups(job_, curriculum_.plan(t), t);
    const auto all = static_cast<double>(groups.rollouts());
    double graded = 0;
    const auto on_graded = [&](std::size_t, const GradedRollout&) { progress(++graded / all); };
    const double grading = timed(seconds.sample, [&] {
      return sample_and_grade(
          rollout_context(job_), [&] { return groups.next(); },
          [&](Sampled&& sampled) { groups.add(std::move(sampled)); }, on_graded);
    });
    seconds.sample -= grading;
    seconds.verify += grading;
    return groups.take();
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
  const Curriculum& curriculum_;
};

}  // namespace

std::unique_ptr<GroupSource> sync_source(const TrainJob& job, const Curriculum& curriculum) {
  return std::make_unique<SyncSource>(job, curriculum);
}

std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step) {
  std::vector<Json> rows;
  for (const Group& group : groups) {
    for (std::size_t i = 0; i < group.rollouts.size(); ++i) {
      Json row = record(group.rollouts[i], group.prompt_of(i), group.set->name);
      row["step"] = step;
      row["reward"] = group.rollouts[i].reward();
      row["advantage"] = group.advantages[i];
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace pope
