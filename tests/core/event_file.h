// Reading TensorBoard event files, for tests: as much of the format as core/tensorboard.cpp writes.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "core/tensorboard.h"

namespace pope {

// A protobuf message, field by field.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  // Reads the next field's number and value; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    number = static_cast<int>(tag >> 3);
    switch (tag & 7) {
      case 0:
        integer = static_cast<std::int64_t>(varint());
        break;
      case 1:
        std::memcpy(&real, take(8).data(), 8);
        break;
      case 2:
        bytes = take(varint());
        break;
      case 5:
        std::memcpy(&single, take(4).data(), 4);
        break;
      default:
        ADD_FAILURE() << "wire type " << (tag & 7);
        return false;
    }
    return true;
  }

  int number = 0;
  std::int64_t integer = 0;
  double real = 0;
  float single = 0;
  std::string_view bytes;

 private:
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  std::string_view rest_;
};

struct ReadEvent {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string version;
  Json scalars = Json::object();  // tag → value
};

inline ReadEvent read_event(std::string_view bytes) {
  ReadEvent event;
  for (Fields fields(bytes); fields.next();) {
    if (fields.number == 1) event.wall_time = fields.real;
    if (fields.number == 2) event.step = fields.integer;
    if (fields.number == 3) event.version = fields.bytes;
    if (fields.number != 5) continue;
    for (Fields summary(fields.bytes); summary.next();) {
      std::string tag;
      for (Fields value(summary.bytes); value.next();) {
        if (value.number == 1) tag = value.bytes;
        if (value.number == 2) event.scalars[tag] = value.single;
      }
    }
  }
  return event;
}

// The events of a file; fails where a record is torn or does not have its checksums.
inline std::vector<ReadEvent> read_events(const std::filesystem::path& file) {
  const std::string content = read_file(file);
  std::vector<ReadEvent> events;
  for (std::string_view rest = content; !rest.empty();) {
    std::uint64_t size = 0;
    if (rest.size() >= 12) std::memcpy(&size, rest.data(), 8);
    const std::string_view data = rest.size() >= size + 16 ? rest.substr(12, size) : "";
    if (rest.substr(0, size + 16) != event_record(data)) {
      ADD_FAILURE() << "a damaged record in " << file;
      return events;
    }
    events.push_back(read_event(data));
    rest.remove_prefix(size + 16);
  }
  return events;
}

// The events of the one event file in a folder.
inline std::vector<ReadEvent> read_event_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  EXPECT_EQ(files.size(), 1u);
  return files.empty() ? std::vector<ReadEvent>() : read_events(files.front());
}

}  // namespace pope
