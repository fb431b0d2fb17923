// TensorBoard event files: the rows of metrics.jsonl as scalars, one event per row, tagged by their keys.
// A file is a sequence of records, each a protobuf message Event (tensorflow/core/util/event.proto) framed by
// its length and checksums (tensorflow/core/lib/io/record_writer.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace pope {

// The event file that a run appends to.
class EventFile {
 public:
  // Replaces the event files of `folder` by one that holds `rows`, as if the last had been written just now
  // and each of them "time/step_s" after the one before.
  EventFile(const std::filesystem::path& folder, const std::vector<Json>& rows);
  // Appends the numbers of a row, in one write. Error when the file cannot be written.
  void append(const Json& row) const;

 private:
  std::filesystem::path file_;
};

// The parts of the format.
std::uint32_t crc32c(std::string_view data);  // the Castagnoli polynomial, RFC 3720 appendix B.4
// length (u64), masked checksum of the length (u32), data, masked checksum of the data (u32), little endian.
std::string event_record(std::string_view data);
// The record that opens a file: it names the format's version.
std::string version_record(double wall_time);
// The record of a row: its "step" and a scalar for each other number. Wall time: seconds since 1970.
std::string row_record(double wall_time, const Json& row);

}  // namespace pope
