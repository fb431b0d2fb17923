// The training loop, synchronous or streaming, and what makes it resumable (see trainer.h).
// A step's row is appended before its checkpoint is saved: a kill in between costs the step, never its row.
#include "learn/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/progress.h"
#include "learn/checkpoint.h"
#include "learn/stream_source.h"
#include "learn/trainer_parts.h"
#include "model/load.h"

namespace pope {
namespace {

using Clock = std::chrono::steady_clock;

// Everything that would otherwise fail only after the first batch has been sampled.
void check(const TrainJob& job) {
  check(job.config);
  check(job.stream);
  check(job.objective);
  check(job.sampling);
  check_rl(job.config, job.stream, job.objective, job.optimizer, job.sampling);
  if (job.objective.kl_coef != 0 &&
      (!job.reference || job.reference->architecture().vocab_size != job.model->architecture().vocab_size)) {
    throw Error("train", "expected a reference model with the model's vocabulary for objective.kl_coef");
  }
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

void count(const std::vector<Group>& groups, Counters& counters) {
  for (const Group& group : groups) {
    const auto rollouts = static_cast<std::int64_t>(group.rollouts.size());
    counters.rollouts += rollouts;
    if (group.set->name != "easy") counters.hard_rollouts += rollouts;
    for (const GradedRollout& graded : group.rollouts) {
      counters.tokens += static_cast<std::int64_t>(graded.rollout.tokens.size());
    }
  }
}

std::string note_of(const Mixture& mixture, const Json& row) {
  std::string note = "reward";
  for (const PromptSet& set : mixture.sets()) {
    const std::string key = "reward/" + set.name;
    if (row.contains(key)) note += fmt::format(" {} {:.2f}", set.name, row[key].get<double>());
  }
  const Json solvable = row.value("solvable/unguided", Json());
  if (solvable.is_number()) note += fmt::format(", solvable {:.2f}", solvable.get<double>());
  return note;
}

// Guidance that names no instruction gets the run's, before the mixture takes the problems.
std::vector<Problem> with_instruction(std::vector<Problem> problems, const std::string& instruction) {
  for (Problem& problem : problems) problem = as_prompted(std::move(problem), /*guided=*/true, instruction);
  return problems;
}

class Trainer {
 public:
  Trainer(RunDir& run, const TrainJob& job)
      : run_(run),
        job_(job),
        mixture_(job.mixture, with_instruction(job.hard, job.instruction), job.easy, job.seed),
        optimizer_(job.optimizer, *job.model) {}

  Json train() {
    const std::int64_t start = resume();
    last_row_ = Clock::now();
    if (start == 0 && job_.config.eval_every > 0) evaluate_base();
    source_ = job_.config.mode == "sync" ? sync_source(job_, mixture_)
                                         : stream_source(job_, mixture_, run_.path(), start, state_);
    Progress progress("train", job_.config.steps);
    progress.update(static_cast<double>(start));
    std::string note;
    for (std::int64_t t = start; t < job_.config.steps; ++t) {
      // Waiting for rollouts is taken for half of a step.
      const Json row =
          step(t, [&](double part) { progress.update(static_cast<double>(t) + part / 2, note); });
      note = note_of(mixture_, row);
      progress.update(static_cast<double>(t + 1), note);
    }
    source_.reset();  // sampling is over
    write_folder(run_.path() / "model", [&](const std::filesystem::path& folder) {
      save_model(folder, *job_.model, job_.prompts->tokenizer());
    });
    return result();
  }

 private:
  // The number of steps done.
  std::int64_t resume() {
    state_ = load_newest_checkpoint(run_.path(), *job_.model, optimizer_);
    const std::int64_t done = state_ ? state_->at("step").get<std::int64_t>() : 0;
    run_.truncate_metrics(state_ ? done : -1);
    if (!state_) return 0;
    if (!state_->contains("hard_rollouts")) {
      throw Error("train", "the checkpoint in " + run_.path().string() + " is of an older version of pope",
                  "start again with another --out, or go on with the version that it was begun with");
    }
    counters_ = {state_->at("rollouts").get<std::int64_t>(), state_->at("hard_rollouts").get<std::int64_t>(),
                 state_->at("tokens").get<std::int64_t>()};
    log_line(fmt::format("resuming after step {} of {}", done, job_.config.steps));
    return done;
  }

  void evaluate_base() {
    Json row = {{"step", 0}};
    timed(seconds_.eval, [&] { add_eval_metrics(job_, row); });
    append(row);
  }

  // Appends the row with the times since the row before.
  void append(Json& row) {
    const auto now = Clock::now();
    const double wall = std::chrono::duration<double>(now - last_row_).count();
    last_row_ = now;
    if (source_) source_->add_waits(wall, seconds_);
    add_seconds(seconds_, wall, row);
    seconds_ = {};
    run_.append_metrics(row);
  }

  // Does 0-based step t; returns its row, which is numbered from 1.
  Json step(std::int64_t t, const std::function<void(double)>& progress) {
    const std::int64_t number = t + 1;
    const bool last = number == job_.config.steps;
    const std::vector<Group> groups = source_->take(t, seconds_, progress);
    const LearnResult learned = learn(job_, groups, t, optimizer_, *source_, seconds_);
    count(groups, counters_);

    Json row = {{"step", number}};
    add_group_metrics(job_, mixture_, groups, row);
    add_learn_metrics(job_, learned, row);
    row["rollouts/total"] = counters_.rollouts;
    row["rollouts/hard"] = counters_.hard_rollouts;
    row["tokens/sampled"] = counters_.tokens;
    source_->end_step(row);
    const TrainConfig& c = job_.config;
    if (c.eval_every > 0 && (last || number % c.eval_every == 0)) {
      timed(seconds_.eval, [&] { add_eval_metrics(job_, row); });
    }
    if (c.rollouts_every > 0 && (last || number == 1 || number % c.rollouts_every == 0)) {
      run_.write_rollouts(fmt::format("step-{:06}", number), rollout_records(groups, number));
    }
    append(row);
    if (last || number % c.save_every == 0) save(number);
    return row;
  }

  void save(std::int64_t number) {
    Json state = {{"rollouts", counters_.rollouts},
                  {"hard_rollouts", counters_.hard_rollouts},
                  {"tokens", counters_.tokens}};
    state.update(source_->state());
    timed(seconds_.checkpoint, [&] {
      save_checkpoint(run_.path(), number, *job_.model, optimizer_, job_.prompts->tokenizer(), state,
                      job_.config.keep);
    });
  }

  // From the rows on disk, so that an unbroken and a resumed run report alike. Seconds per stage, in all
  // ("total") and waited; when streaming, stages overlap.
  Json result() const {
    Json last;
    Json seconds = Json::object();
    read_jsonl(run_.path() / "metrics.jsonl", [&](Json&& row, std::size_t) {
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
            {"final", last},
            {"seconds", seconds}};
  }

  RunDir& run_;
  const TrainJob& job_;
  Mixture mixture_;
  Optimizer optimizer_;
  std::optional<Json> state_;  // of the checkpoint that the run goes on from
  std::unique_ptr<GroupSource> source_;
  Counters counters_;
  StageSeconds seconds_;  // since the last row
  Clock::time_point last_row_;
};

}  // namespace

Json train(RunDir& run, const TrainJob& job) {
  check(job);
  return Trainer(run, job).train();
}

}  // namespace pope
