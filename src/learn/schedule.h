// The schedule of an async run, RUN/schedule.jsonl: what in it depends on the speed of its two sides. One
// row per training step; with them the run can be repeated bit for bit (async.replay).
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/files.h"

namespace pope {

struct ScheduleRow {
  std::int64_t step = 0;                  // from 1
  std::vector<std::int64_t> groups;       // indices (Group::index) that the step learned from, in its order
  std::vector<std::int64_t> dropped;      // that the full buffer gave up since the row before
  std::vector<std::int64_t> sync_points;  // of the gate, one per change that the step made (WeightsGate)
  std::int64_t buffered = 0;              // finished groups left in the buffer when the step began
  bool resumed = false;                   // the first step after a resume: sync points are counted anew
};

void append_schedule(const std::filesystem::path& file, const ScheduleRow& row);
// The rows of a run of `steps` steps that was never resumed. Another number of steps is another run: how far
// sampling went ahead depends on where it ends. Errors: rows missing, too many, malformed or resumed.
std::vector<ScheduleRow> read_schedule(const std::filesystem::path& file, std::int64_t steps);

}  // namespace pope
