// What stands around the steps of every run that trains, RL or supervised: it goes on from the newest
// checkpoint, appends a row of metrics per step, saves checkpoints, and leaves the model.
// A step's row is appended before its checkpoint is saved: a kill in between costs the step, never its row.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/run_dir.h"
#include "learn/optimizer.h"
#include "learn/process_group.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pope {

struct CheckpointConfig {
  int save_every = 0;       // steps; 0: as save_minutes says
  double save_minutes = 5;  // since the last checkpoint
  int keep = 2;             // checkpoints
};

class TrainingRun {
 public:
  // All must outlive it. `steps`: how many the run has in all. Of `processes` one writes.
  TrainingRun(RunDir& run, const Model& model, const Optimizer& optimizer, const Tokenizer& tokenizer,
              CheckpointConfig config, std::int64_t steps, ProcessGroup& processes = single_process())
      : run_(run),
        model_(model),
        optimizer_(optimizer),
        tokenizer_(tokenizer),
        config_(config),
        steps_(steps),
        processes_(processes) {}

  // Loads the newest checkpoint into model and optimiser, drops rows beyond it, and sets aside checkpoints
  // beyond it, which were damaged; its state.
  // Nothing: a new run. Rows that are missing, from `first_row` (0 or 1) on, are named on stderr. Error: the
  // last step's row is, or a complete run that is to go on has no checkpoint.
  std::optional<Json> resume(Model& model, Optimizer& optimizer, std::int64_t first_row);
  // Steps done before.
  std::int64_t start() const { return start_; }

  void append(const Json& row);  // to metrics.jsonl
  // The rollouts of step `number`.
  void write_rollouts(std::int64_t number, const std::vector<Json>& records);
  // Ends step `number` (from 1): appends its row and, where it is time, at the end, or where `must_save` says
  // so, saves a checkpoint with state(). Returns the seconds of saving.
  double end_step(std::int64_t number, const Json& row, const std::function<Json()>& state,
                  bool must_save = false);
  // A stop was requested: saves the state after step `number`, unless that is saved, and throws Interrupted.
  // `together`: all processes do so; else, where the optimiser is sharded, nothing can be saved.
  // `row`: of a step whose weights are changed but whose row is not complete; resume() gives it back, as
  // "row" of the state.
  [[noreturn]] void stop(std::int64_t number, Json state, bool together, const Json& row = nullptr);
  // Saves the state after step `number`, unless that is saved.
  void keep(std::int64_t number, const Json& state, bool together);
  // RUN/model, a Hugging Face directory.
  void save_model() const;
  // All rows of the run, in order.
  void each_row(const std::function<void(Json&&)>& take) const;

 private:
  void save(std::int64_t number, const Json& state);
  void check_rows(std::int64_t first, std::int64_t last) const;

  RunDir& run_;
  const Model& model_;
  const Optimizer& optimizer_;
  const Tokenizer& tokenizer_;
  const CheckpointConfig config_;
  const std::int64_t steps_;
  ProcessGroup& processes_;
  std::int64_t start_ = 0, saved_ = 0;
  std::chrono::steady_clock::time_point last_save_ = std::chrono::steady_clock::now();
};

}  // namespace pope
