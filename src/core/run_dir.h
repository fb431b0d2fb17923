// A run directory holds everything about one command's execution, and makes it resumable:
//   config.yaml  the resolved config      environment.json  program version, machine, threads, times
//   metrics.jsonl  one object per step    rollouts/NAME.jsonl.zst  every rollout
//   tensorboard/   the same for TensorBoard
//   result.json  written last: its presence means that the run is complete
// A second start in the same directory continues it; a config with another meaning is refused (see open()).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "core/options.h"
#include "core/tensorboard.h"

namespace pope {

// A file or folder that a run reads, under the key of the setting that names it.
struct RunInput {
  std::string key;  // "paths.model", "paths.eval_sets.NAME"
  std::filesystem::path path;
};

class RunDir {
 public:
  // Creates `path`, or opens it to continue, and locks it (flock on PATH/lock) for the life of the object: a
  // second command on it is refused. Fingerprints of `inputs` and `verb` are kept in environment.json. A
  // directory continues only with the same verb, inputs and settings, but for those settings that may differ
  // (Options::Option::on_resume), so that results never mix; Error otherwise, naming what differs (keys with
  // both values). As long as a run has written no results, it may be started again with other settings. A
  // refused start changes nothing, nor does opening a complete run; what killed writes have left is removed.
  // Error with a hint also for unwritable paths, a file in the way, and a folder that holds other files.
  static RunDir open(const std::filesystem::path& path, std::string_view verb, const Options& options,
                     const std::vector<RunInput>& inputs = {});
  // The directory of a run that another process has opened, in which this one takes part. It is not locked,
  // and nothing may be written.
  static RunDir join(const std::filesystem::path& path);
  RunDir(RunDir&&) noexcept;
  ~RunDir();

  const std::filesystem::path& path() const { return path_; }
  bool resumed() const { return resumed_; }
  // What is given otherwise than before: "run.threads: the run has '1', now given '2'".
  const std::vector<std::string>& changes() const { return changes_; }
  // Whether it is to be longer than it was begun (Options::Option::may_grow).
  bool grown() const { return grown_; }
  // Error: the directory was removed, moved or replaced since. What is written there would be lost.
  void require_in_place() const;

  // result.json of a complete run.
  std::optional<Json> result() const;
  void write_result(const Json& result);
  // A complete run goes on: its result is removed. Does nothing to others.
  void reopen();

  // Appends one object to metrics.jsonl and flushes it. Error: a key that core/metrics.h does not have.
  void append_metrics(const Json& row);
  // From now on rows go to a TensorBoard event file in tensorboard/, too (core/tensorboard.h). The first one
  // makes the file anew from metrics.jsonl, so that a run that was killed has each step once.
  void write_tensorboard() { tensorboard_ = true; }
  // Drops the rows of metrics.jsonl whose "step" is greater than `step`, and a torn last line.
  void truncate_metrics(std::int64_t step);
  // Writes rollouts/NAME.jsonl.zst atomically.
  void write_rollouts(std::string_view name, const std::vector<Json>& rows) const;

 private:
  RunDir() = default;
  void record_start();
  std::filesystem::path path_;
  std::string config_;  // as given now
  Json environment_;    // as it was before this start
  std::vector<std::string> changes_;
  bool resumed_ = false, grown_ = false;
  int lock_fd_ = -1;
  bool tensorboard_ = false;
  std::optional<EventFile> events_;
};

// The same as truncate_metrics for any file of rows with "step". Does nothing when there is no file.
void truncate_steps(const std::filesystem::path& file, std::int64_t step);

}  // namespace pope
