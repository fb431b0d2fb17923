// The training loop, synchronous or asynchronous (see trainer.h).
#include "learn/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "learn/async_source.h"
#include "learn/curriculum.h"
#include "learn/journaled_engine.h"
#include "learn/self_distillation.h"
#include "learn/signal_watch.h"
#include "learn/trainer_metrics.h"
#include "learn/training_run.h"
#include "rollout/publishing_engine.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

// Everything that would otherwise fail only after the first batch has been sampled.
void check(const TrainJob& job) {
  check(job.config);
  check(job.async);
  check(job.objective);
  check(job.sampling);
  check(job.vote);
  check_rl(job.config, job.async, job.objective, job.optimizer, job.sampling);
  check_guidance(job.config, job.retire, job.mixture);
  if (job.config.mode == "async" && job.processes->size() > 1) {
    throw Error("train",
                fmt::format("expected one process for train.mode=async, got {}", job.processes->size()),
                "set train.mode=sync");
  }
  if (job.config.prompts_per_step < job.processes->size())
    refuse_setting("train.prompts_per_step",
                   fmt::format("at least one for each of the {} processes", job.processes->size()),
                   std::to_string(job.config.prompts_per_step));
  if (job.processes->size() > 1 && (job.config.guidance != "fixed" || job.retire.above > 0)) {
    throw Error("train",
                "expected one process for guidance that adapts: each would learn from its own groups",
                "set train.guidance=fixed and retire.above=0, or start one process");
  }
  if (job.objective.kl_coef != 0 &&
      (!job.reference || job.reference->architecture().vocab_size != job.model->architecture().vocab_size)) {
    throw Error("train", "expected a reference model with the model's vocabulary for objective.kl_coef");
  }
  check_rewards(job.config, job.objective, job.vote, job.retire, job.mixture);
  if ((needs_ema(job.objective, job.vote) && !job.ema) || (job.vote.momentum_rollouts > 0 && !job.momentum))
    throw Error("train",
                "expected a copy of the model for the moving average of its weights, and its engine");
  check_self_distillation(job);
  const auto has_solution = [](const Problem& problem) { return !problem.solution.empty(); };
  if (takes_demonstrations(job.objective) && std::none_of(job.hard.begin(), job.hard.end(), has_solution)) {
    throw Error("train",
                "expected problems with solutions for objective.kind " + job.objective.kind + ", got none",
                "give problems with the field \"solution\"");
  }
}

// Cumulative counts, kept in the checkpoint.
struct Counters {
  std::int64_t rollouts = 0, hard_rollouts = 0, tokens = 0;
};

// Adds up over all processes, before anything is changed by it: the counts of a step, and in its row those of
// groups, by which all judge alike whether there was signal.
void count(const std::vector<Group>& groups, ProcessGroup& processes, Counters& counters, Json& row) {
  double rollouts = 0, hard = 0, tokens = 0;
  for (const Group& group : groups) {
    const auto size = static_cast<double>(std::ssize(group.rollouts) + group.more_rollouts);
    rollouts += size;
    if (group.set->name != "easy") hard += size;
    for (const GradedRollout& graded : group.rollouts)
      tokens += static_cast<double>(graded.rollout.tokens.size());
    tokens += static_cast<double>(group.more_tokens);
  }
  constexpr const char* kCounts[] = {"groups/total", "groups/all_fail", "groups/all_pass",
                                     "groups/no_signal"};
  std::vector<double> all = {rollouts, hard, tokens};
  for (const char* key : kCounts) all.push_back(row.at(key).get<double>());
  processes.all_reduce(all);
  const auto whole = [&](std::size_t i) { return static_cast<std::int64_t>(all[i]); };
  counters.rollouts += whole(0);
  counters.hard_rollouts += whole(1);
  counters.tokens += whole(2);
  for (std::size_t i = 0; i < std::size(kCounts); ++i) row[kCounts[i]] = whole(3 + i);
}

std::string note_of(const std::vector<PromptSet>& sets, const Json& row) {
  std::string note = "reward";
  for (const PromptSet& set : sets) {
    const std::string key = "reward/" + set.name;
    if (row.contains(key)) note += fmt::format(" {} {:.2f}", set.name, row[key].get<double>());
  }
  const Json solvable = row.value("solvable/unguided", Json());
  if (solvable.is_number()) note += fmt::format(", solvable {:.2f}", solvable.get<double>());
  return note;
}

class Trainer {
 public:
  Trainer(RunDir& run, const TrainJob& job)
      : run_(run),
        job_(job),
        publishing_(dynamic_cast<PublishingEngine*>(job.engine)),
        mixture_(job.mixture, job.hard, job.easy, job.seed),
        curriculum_(curricula().at(job.config.guidance)(job, mixture_, run.path())),
        optimizer_(job.optimizer, *job.model, *job.processes, job.ema),
        signal_(job.config.stop_without_signal, job.objective.reward == "majority"),
        training_run_(run, *job.model, optimizer_, job.prompts->tokenizer(),
                      {job.config.save_every, job.config.save_minutes, job.config.keep}, job.config.steps,
                      *job.processes) {}

  Json train() {
    const std::optional<Json> state =
        training_run_.resume(*job_.model, optimizer_, job_.config.eval_every > 0 ? 0 : 1);
    if (state) {
      read_counters(*state);
      if (state->contains("curriculum")) curriculum_->restore(state->at("curriculum"));
      count_signal();
    }
    job_.engine->publish(job_.model->version);
    const std::int64_t start = training_run_.start();
    last_row_ = Clock::now();
    if (start == 0 && job_.config.eval_every > 0) evaluate_base();
    source_ = job_.config.mode == "sync" ? sync_source(job_, *curriculum_, run_.path())
                                         : async_source(job_, mixture_, run_.path(), start, state);
    if (state && state->contains("row")) watch_signal(end_step(start, state->at("row")));
    Progress progress("train", job_.config.steps);
    progress.update(static_cast<double>(start));
    std::string note;
    for (std::int64_t t = start; t < job_.config.steps; ++t) {
      // Waiting for rollouts is taken for half of a step.
      const Json row =
          step_together(t, [&](double part) { progress.update(static_cast<double>(t) + part / 2, note); });
      note = note_of(curriculum_->sets(), row);
      watch_signal(row);
      progress.update(static_cast<double>(t + 1), note);
    }
    source_.reset();  // sampling is over
    JournaledEngine::remove(run_.path());
    if (const std::string warning = job_.graders->summary(); !warning.empty()) log_line(warning);
    training_run_.save_model();
    if (publishing_ != nullptr) publishing_->remove_published();
    return job_.processes->writes() ? result() : Json();
  }

 private:
  void read_counters(const Json& state) {
    if (!state.contains("hard_rollouts")) {
      throw Error("train", "the checkpoint in " + run_.path().string() + " is of an older version of pope",
                  "start again with another --out, or go on with the version that it was begun with");
    }
    counters_ = {state.at("rollouts").get<std::int64_t>(), state.at("hard_rollouts").get<std::int64_t>(),
                 state.at("tokens").get<std::int64_t>()};
  }

  // Of the steps that were done before.
  void count_signal() {
    if (!std::filesystem::exists(run_.path() / "metrics.jsonl")) return;
    training_run_.each_row([&](Json&& row) {
      if (row.at("step") > 0) signal_.count(row);
    });
  }

  void watch_signal(const Json& row) {
    if (const std::string warning = signal_.add(row); !warning.empty()) log_line(warning);
  }

  // Whether one of the processes was asked to stop.
  bool is_to_stop() {
    double asked[] = {interrupted() ? 1.0 : 0.0};
    job_.processes->all_reduce(asked);
    return asked[0] > 0;
  }

  // A step, unless a stop was requested. Where another process is lost in it, before the weights have
  // changed, the steps before are saved.
  Json step_together(std::int64_t t, const std::function<void(double)>& progress) {
    const std::int64_t updates = optimizer_.steps_taken();
    try {
      if (is_to_stop()) stop(t, /*together=*/true);
      return step(t, progress);
    } catch (const LostProcess&) {
      if (optimizer_.steps_taken() == updates) training_run_.keep(t, state(), /*together=*/false);
      stop_if_interrupted();  // the other one was asked to stop a moment before
      throw;
    }
  }

  void evaluate_base() {
    Json row = {{"step", 0}};
    if (!job_.processes->writes()) return;
    publish_now();
    timed(seconds_.eval, [&] { add_eval_metrics(job_, row); });
    add_times(row);
    training_run_.append(row);
  }

  // What is measured is to be the newest weights, wherever they are sampled.
  void publish_now() {
    if (publishing_ != nullptr) publishing_->publish_now();
  }

  // The times since the row before.
  void add_times(Json& row) {
    const auto now = Clock::now();
    const double wall = std::chrono::duration<double>(now - last_row_).count();
    last_row_ = now;
    if (source_) source_->add_waits(wall, seconds_);
    add_seconds(seconds_, wall, row);
    if (publishing_ != nullptr) {
      const PublishStats before = std::exchange(published_, publishing_->published());
      add_publish_metrics(before, published_, row);
    }
    seconds_ = {};
  }

  // Sample, learn, measure: 0-based step t; returns its row, which is numbered from 1.
  Json step(std::int64_t t, const std::function<void(double)>& progress) {
    const std::int64_t number = t + 1;
    std::vector<Group> groups = take(t, progress);
    const LearnResult learned = learn_from(groups, t);
    Json row = {{"step", number}};
    add_group_metrics(job_, curriculum_->sets(), groups, row);
    count(groups, *job_.processes, counters_, row);
    curriculum_->learn_from(groups);
    add_learn_metrics(job_, learned, row);
    row["rollouts/total"] = counters_.rollouts;
    row["rollouts/hard"] = counters_.hard_rollouts;
    row["tokens/sampled"] = counters_.tokens;
    curriculum_->add_metrics(row);
    source_->end_step(row);
    const int rollouts_every = job_.config.rollouts_every;
    const bool last = number == job_.config.steps;
    if (rollouts_every > 0 && (last || number == 1 || number % rollouts_every == 0)) {
      training_run_.write_rollouts(number, rollout_records(groups, number));
    }
    return end_step(number, std::move(row));
  }

  // What follows a change of the weights: evaluates where it is time, and completes the row.
  Json end_step(std::int64_t number, Json row) {
    const Json begun = row;
    const int eval_every = job_.config.eval_every;
    try {
      if (job_.processes->writes() && eval_every > 0 &&
          (number == job_.config.steps || number % eval_every == 0)) {
        publish_now();
        timed(seconds_.eval, [&] { add_eval_metrics(job_, row); });
      }
    } catch (const Interrupted&) {
      if (!optimizer_.sharded()) stop(number, /*together=*/false, begun);
      log_line(fmt::format("note: the evaluation after step {} was stopped; its row is without it", number));
      row = begun;  // the others wait in what follows, and all stop then
    }
    add_times(row);
    const bool must_save = number < job_.config.steps && curriculum_->works_before(number);
    seconds_.checkpoint += training_run_.end_step(
        number, row, [&] { return state(); }, must_save);
    return row;
  }

  // An Error may lie in how the groups were sampled: the same command is to sample them anew.
  LearnResult learn_from(std::vector<Group>& groups, std::int64_t t) {
    try {
      return learn(job_, groups, t, optimizer_, *source_, seconds_);
    } catch (const Error&) {
      source_->forget();
      throw;
    }
  }

  // The groups of 0-based step t; a request to stop drops them, but what servers sampled is in the journal.
  std::vector<Group> take(std::int64_t t, const std::function<void(double)>& progress) {
    try {
      if (curriculum_->works_before(t)) {
        publish_now();
        timed(seconds_.evolve, [&] { curriculum_->prepare(t); });
      }
      return source_->take(t, seconds_, progress);
    } catch (const Interrupted&) {
      stop(t, /*together=*/false);
    }
  }

  [[noreturn]] void stop(std::int64_t number, bool together, const Json& row = nullptr) {
    training_run_.stop(number, state(), together, row);
  }

  // What a checkpoint keeps.
  Json state() const {
    Json state = {{"rollouts", counters_.rollouts},
                  {"hard_rollouts", counters_.hard_rollouts},
                  {"tokens", counters_.tokens}};
    state.update(source_->state());
    if (Json kept = curriculum_->state(); !kept.empty()) state["curriculum"] = std::move(kept);
    return state;
  }

  // From the rows on disk, so that an unbroken and a resumed run report alike. Seconds per stage, in all
  // ("total") and waited; in async mode, stages overlap.
  Json result() const {
    Json last;
    Json seconds = Json::object();
    int quiet = 0;
    training_run_.each_row([&](Json&& row) {
      quiet += row.at("step") > 0 && without_signal(row);
      for (const auto& [key, value] : row.items()) {
        if (!key.starts_with("time/")) continue;
        const std::string stage = key == "time/step_s" ? "total" : key.substr(5);
        seconds[stage] = seconds.value(stage, 0.0) + value.get<double>();
      }
      last = std::move(row);
    });
    return {{"steps", job_.config.steps},
            {"updates", optimizer_.steps_taken()},
            {"rollouts", counters_.rollouts},
            {"tokens", counters_.tokens},
            {"without_guidance", mixture_.without_guidance()},
            {"without_signal", quiet},
            {"final", last},
            {"seconds", seconds}};
  }

  RunDir& run_;
  const TrainJob& job_;
  PublishingEngine* const publishing_;  // the engine, where its weights are elsewhere; else null
  Mixture mixture_;
  std::unique_ptr<Curriculum> curriculum_;
  Optimizer optimizer_;
  SignalWatch signal_;
  TrainingRun training_run_;
  std::unique_ptr<GroupSource> source_;
  Counters counters_;
  StageSeconds seconds_;    // since the last row
  PublishStats published_;  // at the last row
  Clock::time_point last_row_;
};

}  // namespace

Json train(RunDir& run, const TrainJob& job) {
  check(job);
  return Trainer(run, job).train();
}

}  // namespace pope
