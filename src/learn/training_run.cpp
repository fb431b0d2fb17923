// Resuming, rows, checkpoints and the final model of a training run.
#include "learn/training_run.h"

#include <fmt/format.h>

#include <set>

#include "core/checksum.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "learn/checkpoint.h"
#include "learn/stopwatch.h"
#include "model/load.h"

namespace pope {
namespace {

// "3, 5-8" of the numbers in [first, last] that are not `there`; "" when all are.
std::string missing_of(const std::set<std::int64_t>& there, std::int64_t first, std::int64_t last) {
  std::string text;
  for (std::int64_t from = first; from <= last; ++from) {
    if (there.contains(from)) continue;
    std::int64_t to = from;
    while (to < last && !there.contains(to + 1)) ++to;
    text += (text.empty() ? "" : ", ") + std::to_string(from) + (to > from ? "-" + std::to_string(to) : "");
    from = to;
  }
  return text;
}

// Error: this process begins with other weights than process 0, or after another step.
void require_same_weights(ProcessGroup& processes, const Model& model, std::int64_t step) {
  if (processes.size() == 1) return;
  std::string own = fmt::format("step {}", step);
  for (const Parameter& parameter : model.trainable()) {
    const at::Tensor master = parameter.master.detach().cpu().contiguous();
    own += " " + checksum_of({static_cast<const std::byte*>(master.const_data_ptr()), master.nbytes()});
  }
  if (processes.broadcast(own) == own) return;
  throw Error("resume",
              fmt::format("process {} begins after step {} with other weights than process 0",
                          processes.rank(), step),
              "all need the same --out, on a file system that shows them the same files");
}

}  // namespace

std::optional<Json> TrainingRun::resume(Model& model, Optimizer& optimizer, std::int64_t first_row) {
  if (!processes_.writes()) processes_.barrier();  // process 0 first: it sets aside what is damaged
  std::optional<Json> state = load_newest_checkpoint(run_.path(), model, optimizer);
  if (!state && run_.result()) {
    throw Error("resume", run_.path().string() + " is complete and has no checkpoint to go on from",
                "choose another --out");
  }
  start_ = saved_ = state ? state->at("step").get<std::int64_t>() : 0;
  if (processes_.writes()) {
    const std::int64_t rows = !state ? -1 : state->contains("row") ? start_ - 1 : start_;
    run_.truncate_metrics(rows);
    check_rows(first_row, rows);
    if (state) prune_checkpoints(run_.path(), start_, config_.keep);
    run_.reopen();
    processes_.barrier();
  }
  require_same_weights(processes_, model, start_);
  if (state) log_line(fmt::format("resuming after step {} of {}", start_, steps_));
  return state;
}

void TrainingRun::check_rows(std::int64_t first, std::int64_t last) const {
  std::set<std::int64_t> there;
  if (std::filesystem::exists(run_.path() / "metrics.jsonl"))
    each_row([&](Json&& row) { there.insert(row.value("step", std::int64_t{-1})); });
  const std::string missing = missing_of(there, first, last);
  if (missing.empty()) return;
  const std::string text = fmt::format("{} lacks the rows of the steps {}: it was cut or changed",
                                       (run_.path() / "metrics.jsonl").string(), missing);
  if (last == steps_ && !there.contains(last)) {
    throw Error(
        "resume", text + ", and the result is made from the last",
        fmt::format("put the file back, or remove checkpoints/step-{:06}: its step is then made again",
                    last));
  }
  log_line("warning: " + text + "; curves and times will lack them, the model does not");
}

void TrainingRun::append(const Json& row) {
  if (processes_.writes()) run_.append_metrics(row);
}

void TrainingRun::write_rollouts(std::int64_t number, const std::vector<Json>& records) {
  if (processes_.writes()) run_.write_rollouts(fmt::format("step-{:06}", number), records);
}

double TrainingRun::end_step(std::int64_t number, const Json& row, const std::function<Json()>& state,
                             bool must_save) {
  append(row);
  const double since = std::chrono::duration<double>(std::chrono::steady_clock::now() - last_save_).count();
  bool due = config_.save_every > 0 ? number % config_.save_every == 0 : since >= 60 * config_.save_minutes;
  if (optimizer_.sharded()) due = processes_.broadcast(due ? "due" : "") == "due";  // clocks differ
  double seconds = 0;
  if (due || must_save || number >= steps_) timed(seconds, [&] { save(number, state()); });
  return seconds;
}

void TrainingRun::stop(std::int64_t number, Json state, bool together, const Json& row) {
  if (!row.is_null()) state["row"] = row;
  keep(number, state, together);
  throw Interrupted(number > 0 ? fmt::format("after step {}", number) : "before the first step was done");
}

void TrainingRun::keep(std::int64_t number, const Json& state, bool together) {
  if (optimizer_.sharded() && !together) {
    log_line(
        "note: without the other processes their part of the optimiser cannot be saved: the run goes on from "
        "its newest checkpoint");
    return;
  }
  if (number > saved_) save(number, state);
}

void TrainingRun::save(std::int64_t number, const Json& state) {
  if (processes_.writes()) {
    run_.require_in_place();
    save_checkpoint(run_.path(), number, model_, optimizer_, tokenizer_, state, config_.keep);
  } else if (optimizer_.sharded()) {
    optimizer_.state();  // process 0 gets this one's part
  }
  saved_ = number;
  last_save_ = std::chrono::steady_clock::now();
}

void TrainingRun::save_model() const {
  if (!processes_.writes()) return;
  run_.require_in_place();
  write_folder(run_.path() / "model",
               [&](const std::filesystem::path& folder) { pope::save_model(folder, model_, tokenizer_); });
}

void TrainingRun::each_row(const std::function<void(Json&&)>& take) const {
  read_jsonl(run_.path() / "metrics.jsonl", [&](Json&& row, std::size_t) { take(std::move(row)); });
}

}  // namespace pope
