// The synchronous source, and what it shares with the asynchronous one (async_source.h).
#include "learn/group_source.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/rng.h"
#include "learn/context_distillation.h"
#include "learn/journaled_engine.h"
#include "learn/known_logprobs.h"
#include "learn/rewards.h"
#include "learn/self_distillation.h"
#include "learn/vote.h"
#include "rollout/publishing_engine.h"
#include "rollout/record.h"

namespace pope {

RolloutContext rollout_context(const TrainJob& job) { return rollout_context(job, *job.engine); }

RolloutContext rollout_context(const TrainJob& job, Engine& engine) {
  RolloutContext context{engine, *job.prompts, *job.verifier};
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
  if (job.objective.self_distillation > 0 && !prompt.guided())
    prompt.teacher = teacher_prompt(job, problem.id);
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

// Whether servers sample, who may not give all logprobs. One that this process lacks is no number: the
// weights are damaged, which the step will say.
bool samples_elsewhere(const TrainJob& job) {
  return dynamic_cast<const PublishingEngine*>(job.engine) != nullptr;
}

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
  if (samples_elsewhere(job)) require_logprobs(group);
  complete(job, group);
  return group;
}

namespace {

// The groups of a step while they are sampled. One whose rollouts have prompts of their own is several pieces
// of work, each a run of equal prompts; the curriculum may ask for more.
class StepGroups {
 public:
  StepGroups(const TrainJob& job, const Curriculum& curriculum, std::int64_t t)
      : job_(job), curriculum_(curriculum), t_(t) {
    std::vector<GroupPlan> plan = curriculum.plan(t);
    for (std::size_t place = 0; place < plan.size(); ++place) {
      if (!job.processes->owns(place)) continue;
      Group& group = open_[place].group;
      group.index = t * std::ssize(plan) + static_cast<std::int64_t>(place);
      group.set = plan[place].set;
      group.prompt = std::move(plan[place].prompt);
      group.prompts = std::move(plan[place].prompts);
      group.rollouts.resize(size());
      add_pieces(place);
    }
  }

  // Rollouts that are sure to come.
  std::size_t rollouts() const { return open_.size() * size(); }

  std::optional<Work> next() {
    if (next_ == pieces_.size()) return std::nullopt;
    const Piece& piece = pieces_[next_];
    const Group& group = open_.at(piece.place).group;
    Work work;
    work.tag = next_++;
    work.prompt = piece.prompt;
    work.rng_key = group_key(job_, *group.set, group.prompt->problem.id, t_, piece.place);
    work.first_sample = static_cast<int>(piece.begin);
    work.samples = static_cast<int>(piece.end - piece.begin);
    return work;
  }

  void add(Sampled&& sampled) {
    const Piece piece = pieces_.at(sampled.tag);
    Open& open = open_.at(piece.place);
    if (piece.begin < size()) {
      std::move(sampled.rollouts.begin(), sampled.rollouts.end(),
                open.group.rollouts.begin() + static_cast<std::ptrdiff_t>(piece.begin));
    } else {
      open.group.more_rollouts += std::ssize(sampled.rollouts);
      for (const GradedRollout& graded : sampled.rollouts)
        open.group.more_tokens += std::ssize(graded.rollout.tokens);
      curriculum_.join(open.group, piece.prompt, std::move(sampled.rollouts));
    }
    if (--open.missing > 0) return;
    if (std::shared_ptr<const Prompt> prompt = curriculum_.more(open.group, open.tried)) {
      ++open.tried;
      const std::size_t begin = size() * static_cast<std::size_t>(open.tried);
      pieces_.push_back({piece.place, std::move(prompt), begin, begin + size()});
      ++open.missing;
    }
  }

  // All of them, without their signal.
  std::vector<Group> take() {
    std::vector<Group> taken;
    for (auto& [place, open] : open_) taken.push_back(std::move(open.group));
    return taken;
  }

 private:
  struct Open {
    Group group;
    int missing = 0, tried = 0;  // pieces
  };
  // Samples [begin, end) of the group's random stream: its rollouts, and behind them what more() asked for.
  struct Piece {
    std::size_t place;
    std::shared_ptr<const Prompt> prompt;
    std::size_t begin, end;
  };

  std::size_t size() const { return static_cast<std::size_t>(job_.config.rollouts_per_prompt); }

  void add_pieces(std::size_t place) {
    Open& open = open_.at(place);
    const std::vector<std::shared_ptr<const Prompt>>& prompts = open.group.prompts;
    const auto same = [&](std::size_t a, std::size_t b) {
      return prompts.empty() || prompts[a]->sample == prompts[b]->sample;
    };
    for (std::size_t begin = 0, end = 0; begin < size(); begin = end) {
      while (end < size() && same(begin, end)) ++end;
      pieces_.push_back({place, prompts.empty() ? open.group.prompt : prompts[begin], begin, end});
      ++open.missing;
    }
  }

  const TrainJob& job_;
  const Curriculum& curriculum_;
  const std::int64_t t_;
  std::map<std::size_t, Open> open_;  // by place
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
};

// What a step is learned from beside its rollouts: their rewards, and the steps that the learning rate's
// schedule has.
std::uint64_t digest_of(const TrainJob& job, const std::vector<Group>& groups) {
  Json all = Json::array({job.config.steps});
  for (const Group& group : groups) {
    Json rewards = group.rewards;
    for (const GradedRollout& graded : group.rollouts) rewards.push_back(graded.reward());
    for (const Joined& joined : group.joined) rewards.push_back(joined.graded.reward());
    all.push_back(std::move(rewards));
  }
  return key_of(dump(all));
}

class SyncSource : public GroupSource {
 public:
  SyncSource(const TrainJob& job, const Curriculum& curriculum, const std::filesystem::path& run)
      : job_(job), curriculum_(curriculum) {
    if (samples_elsewhere(job)) journaled_.emplace(*job.engine, run);
  }

  std::vector<Group> take(std::int64_t t, StageSeconds& seconds,
                          const std::function<void(double)>& progress) override {
    StepGroups groups(job_, curriculum_, t);
    const auto all = static_cast<double>(groups.rollouts());
    double graded = 0;
    const auto on_graded = [&](std::size_t, const GradedRollout&) {
      progress(std::min(1.0, ++graded / all));
    };
    std::vector<Group> taken;
    if (journaled_) journaled_->turn_to(t, job_.model->version, learned_);
    const double grading = timed(seconds.sample, [&] {
      Engine& engine = journaled_ ? *journaled_ : *job_.engine;
      RolloutContext context = rollout_context(job_, engine);
      // A process that leaves in the middle of a step takes its part of the moments with it: sharded ones
      // stop together, at the end of the step.
      if (job_.optimizer.sharded && job_.processes->size() > 1) context.go_on = kAlways;
      double graded_s = sample_and_grade(
          context, [&] { return groups.next(); }, [&](Sampled&& sampled) { groups.add(std::move(sampled)); },
          on_graded);
      taken = groups.take();
      if (job_.vote.momentum_rollouts > 0) graded_s += sample_voters(job_, t, taken);
      return graded_s;
    });
    seconds.sample -= grading;
    seconds.verify += grading;
    try {
      if (samples_elsewhere(job_)) complete_logprobs(job_, taken);
      timed(seconds.learn, [&] { reward_kinds().at(job_.objective.reward)(job_, taken); });
      for (Group& group : taken) complete(job_, group);
    } catch (const Error&) {
      forget();
      throw;
    }
    if (journaled_) learned_ = digest_of(job_, taken);
    lag_ = 0;
    for (const Group& group : taken) {
      for (const GradedRollout& graded : group.rollouts)
        lag_ = std::max(lag_, job_.model->version - graded.rollout.policy_version);
    }
    return taken;
  }
  void forget() override {
    if (journaled_) journaled_->forget();
  }
  void change_weights(const std::function<void()>& change) override {
    change();
    job_.engine->publish(job_.model->version);
  }
  void end_step(Json& row) override {
    if (samples_elsewhere(job_)) row["engine/lag_max"] = lag_;
  }
  // Each side waits for the other.
  void add_waits(double wall, StageSeconds& seconds) override {
    seconds.learner_wait = seconds.sample + seconds.verify;
    seconds.sampler_wait = wall - seconds.learner_wait;
  }
  Json state() const override { return Json::object(); }

 private:
  const TrainJob& job_;
  const Curriculum& curriculum_;
  std::optional<JournaledEngine> journaled_;  // where servers sample
  std::optional<std::uint64_t> learned_;      // digest of the step before
  std::int64_t lag_ = 0;
};

}  // namespace

std::unique_ptr<GroupSource> sync_source(const TrainJob& job, const Curriculum& curriculum,
                                         const std::filesystem::path& run) {
  return std::make_unique<SyncSource>(job, curriculum, run);
}

std::vector<Json> rollout_records(const std::vector<Group>& groups, std::int64_t step) {
  std::vector<Json> rows;
  const auto add = [&](const GradedRollout& graded, const Prompt& prompt, const std::string& set,
                       double advantage) {
    Json row = record(graded, prompt, set);
    row["step"] = step;
    row["reward"] = graded.reward();
    row["advantage"] = advantage;
    rows.push_back(std::move(row));
  };
  for (const Group& group : groups) {
    const std::size_t n = group.rollouts.size();
    for (const GradedRollout& voter : group.voters) add(voter, *group.prompt, "momentum", 0);
    for (std::size_t i = 0; i < n; ++i)
      add(group.rollouts[i], group.prompt_of(i), group.set->name, group.advantages[i]);
    for (std::size_t i = 0; i < group.joined.size(); ++i)
      add(group.joined[i].graded, *group.joined[i].prompt, "joined", group.advantages[n + i]);
  }
  return rows;
}

}  // namespace pope
