// See tensorboard.h. Of protobuf's encoding only what two small messages need: varints, fixed numbers, and
// texts and messages with their length in front.
#include "core/tensorboard.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <chrono>
#include <fstream>

#include "core/error.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

constexpr auto kPrefix = "events.out.tfevents.";

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ (rest % 2 == 1 ? 0x82f63b78U : 0);
    table[byte] = rest;
  }
  return table;
}

std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8U; }

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(value); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// A field's number and wire type, then its value.
std::string double_field(int number, double value) {
  return varint(number << 3 | 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(int number, float value) {
  return varint(number << 3 | 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string integer_field(int number, std::int64_t value) {
  return varint(number << 3) + varint(static_cast<std::uint64_t>(value));
}
std::string bytes_field(int number, std::string_view value) {
  return varint(number << 3 | 2) + varint(value.size()) + std::string(value);
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = 0xffffffffU;
  for (const char c : data) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

std::string event_record(std::string_view data) {
  const std::string length = little_endian<std::uint64_t>(data.size());
  return length + little_endian(masked(crc32c(length))) + std::string(data) +
         little_endian(masked(crc32c(data)));
}

// Event: 1 wall_time, 2 step, 3 file_version, 5 summary. Summary: 1 value. Value: 1 tag, 2 simple_value.
std::string version_record(double wall_time) {
  return event_record(double_field(1, wall_time) + bytes_field(3, "brain.Event:2"));
}

std::string row_record(double wall_time, const Json& row) {
  std::string summary;
  for (const auto& [key, value] : row.items()) {
    if (key == "step" || !value.is_number()) continue;
    summary += bytes_field(1, bytes_field(1, key) + float_field(2, value.get<float>()));
  }
  return event_record(double_field(1, wall_time) + integer_field(2, row.at("step")) +
                      bytes_field(5, summary));
}

EventFile::EventFile(const fs::path& folder, const std::vector<Json>& rows) {
  const double end = now();
  double wall_time = end;
  for (const Json& row : rows) wall_time -= row.value("time/step_s", 0.0);
  std::string content = version_record(wall_time);
  for (const Json& row : rows) {
    wall_time += row.value("time/step_s", 0.0);
    content += row_record(wall_time, row);
  }
  std::vector<fs::path> old;
  if (fs::exists(folder)) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with(kPrefix)) old.push_back(entry.path());
  }
  // Named anew: a TensorBoard that has read the old file reads this one from its start.
  file_ = folder / fmt::format("{}{:.0f}.pope", kPrefix, 1000 * end);
  write_file(file_, content);
  for (const fs::path& file : old) fs::remove(file);
}

void EventFile::append(const Json& row) const {
  std::ofstream out(file_, std::ios::binary | std::ios::app);
  out << row_record(now(), row) << std::flush;
  if (!out) throw Error("write metrics", "cannot append to " + file_.string(), "is the disk full?");
}

}  // namespace pope
