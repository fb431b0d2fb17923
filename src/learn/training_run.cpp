// Resuming, rows, checkpoints and the final model of a training run.
#include "learn/training_run.h"

#include <fmt/format.h>

#include "core/progress.h"
#include "learn/checkpoint.h"
#include "learn/stopwatch.h"
#include "model/load.h"

namespace pope {

std::optional<Json> TrainingRun::resume(Model& model, Optimizer& optimizer) {
  std::optional<Json> state = load_newest_checkpoint(run_.path(), model, optimizer);
  start_ = state ? state->at("step").get<std::int64_t>() : 0;
  if (processes_.writes()) run_.truncate_metrics(state ? start_ : -1);
  processes_.barrier();
  if (state) log_line(fmt::format("resuming after step {} of {}", start_, steps_));
  return state;
}

void TrainingRun::append(const Json& row) {
  if (processes_.writes()) run_.append_metrics(row);
}

void TrainingRun::write_rollouts(std::int64_t number, const std::vector<Json>& records) {
  if (processes_.writes()) run_.write_rollouts(fmt::format("step-{:06}", number), records);
}

double TrainingRun::end_step(std::int64_t number, const Json& row, const std::function<Json()>& state) {
  append(row);
  double seconds = 0;
  if (!processes_.writes() || (number < steps_ && number % config_.save_every != 0)) return seconds;
  timed(seconds,
        [&] { save_checkpoint(run_.path(), number, model_, optimizer_, tokenizer_, state(), config_.keep); });
  return seconds;
}

void TrainingRun::save_model() const {
  if (!processes_.writes()) return;
  write_folder(run_.path() / "model",
               [&](const std::filesystem::path& folder) { pope::save_model(folder, model_, tokenizer_); });
}

void TrainingRun::each_row(const std::function<void(Json&&)>& take) const {
  read_jsonl(run_.path() / "metrics.jsonl", [&](Json&& row, std::size_t) { take(std::move(row)); });
}

}  // namespace pope
