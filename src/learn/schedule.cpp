// See schedule.h.
#include "learn/schedule.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pope {
namespace {

ScheduleRow parse(const Json& row, const std::string& where) {
  try {
    const auto indices = [&](const char* key) { return row.at(key).get<std::vector<std::int64_t>>(); };
    return {row.at("step").get<std::int64_t>(),
            indices("groups"),
            indices("dropped"),
            indices("sync_points"),
            row.at("buffered").get<std::int64_t>(),
            row.value("resumed", false)};
  } catch (const Json::exception& error) {
    throw Error("replay", where + ": expected a row of a schedule, got " + error.what());
  }
}

}  // namespace

void append_schedule(const std::filesystem::path& file, const ScheduleRow& row) {
  Json json = {{"step", row.step},
               {"groups", row.groups},
               {"dropped", row.dropped},
               {"sync_points", row.sync_points},
               {"buffered", row.buffered}};
  if (row.resumed) json["resumed"] = true;
  append_jsonl(file, json);
}

std::vector<ScheduleRow> read_schedule(const std::filesystem::path& file, std::int64_t steps) {
  std::vector<ScheduleRow> rows;
  read_jsonl(file, [&](Json&& json, std::size_t line) {
    const std::string where = fmt::format("{}:{}", file.string(), line);
    ScheduleRow row = parse(json, where);
    if (row.step != static_cast<std::int64_t>(rows.size()) + 1) {
      throw Error("replay", fmt::format("{}: expected step {}, got {}", where, rows.size() + 1, row.step));
    }
    if (row.resumed) {
      throw Error("replay", where + ": the run was resumed here, and what it had in flight is not known",
                  "only a run without a stop can be repeated");
    }
    rows.push_back(std::move(row));
  });
  if (static_cast<std::int64_t>(rows.size()) != steps) {
    throw Error("replay", fmt::format("{}: expected {} steps, got {}", file.string(), steps, rows.size()),
                "set train.steps to that of the run that left it; it must have come to its end");
  }
  return rows;
}

}  // namespace pope
