// A run directory holds everything about one command's execution, and makes it resumable:
//   config.yaml  the resolved config      environment.json  program version, machine, threads, times
//   metrics.jsonl  one object per step    rollouts/NAME.jsonl.zst  every rollout
//   tensorboard/   the same for TensorBoard
//   result.json  written last: its presence means that the run is complete
// A second start in the same directory continues it; a changed config is refused (see open()).
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

class RunDir {
 public:
  // Creates `path`, or opens it to continue. Takes a lock (flock on PATH/lock) for the life of the object:
  // two commands on one directory are refused. When config.yaml is there and differs, throws Error naming the
  // keys and both values. `verb` is kept in environment.json and must match on resume. A run that has left no
  // file of its own yet takes any settings. Fingerprints of `inputs`, the files and folders that the run
  // reads, are kept in environment.json; on resume one that differs is refused too: results of two inputs
  // must not mix. A start that is refused leaves no trace. Unwritable paths, a file in the way, and a folder
  // with other files in it: Error with a hint.
  static RunDir open(const std::filesystem::path& path, std::string_view verb, const Options& options,
                     const std::vector<std::filesystem::path>& inputs = {});
  RunDir(RunDir&&) noexcept;
  ~RunDir();

  const std::filesystem::path& path() const { return path_; }
  bool resumed() const { return resumed_; }

  // result.json of a complete run.
  std::optional<Json> result() const;
  void write_result(const Json& result);

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
  std::filesystem::path path_;
  bool resumed_ = false;
  int lock_fd_ = -1;
  bool tensorboard_ = false;
  std::optional<EventFile> events_;
};

// What truncate_metrics does, for another file of rows with "step". No file: nothing to do.
void truncate_steps(const std::filesystem::path& file, std::int64_t step);

}  // namespace pope
