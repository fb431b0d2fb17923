// See live.h.
#include "report/live.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "core/error.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRecent = 40;  // steps

std::string state_of(const RunData& run) {
  if (run.result) return "complete";
  const std::optional<bool> held = is_held(run.path);
  return !held ? "unknown" : *held ? "running" : "stopped";
}

Json number(const Json& row, const char* key) {
  const Json value = row.value(key, Json());
  return value.is_number() ? value : Json();
}

// part / whole as a fraction of 0 to 1.
Json share(const Json& part, const Json& whole) {
  if (!part.is_number() || !whole.is_number() || whole.get<double>() <= 0) return Json();
  return std::clamp(part.get<double>() / whole.get<double>(), 0.0, 1.0);
}

Json integer_setting(const RunData& run, const std::string& key) {
  std::istringstream text(run.setting(key));
  std::int64_t value = 0;
  return text >> value ? Json(value) : Json();
}

Json recent_steps(const RunData& run) {
  Json recent = Json::array();
  const Json groups = integer_setting(run, "train.prompts_per_step");
  const std::size_t first = run.metrics.size() - std::min(kRecent, run.metrics.size());
  for (std::size_t i = first; i < run.metrics.size(); ++i) {
    const Json& row = run.metrics[i];
    if (number(row, "groups/no_signal").is_null() || number(row, "step").is_null()) continue;
    recent.push_back({{"step", row["step"]}, {"no_signal", row["groups/no_signal"]}, {"groups", groups}});
  }
  return recent;
}

// Problems that a verb that samples has saved: lines of its NAME.partial.jsonl.
Json finished_problems(const fs::path& run) {
  std::error_code error;
  for (fs::directory_iterator entry(run, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().string().ends_with(".partial.jsonl")) continue;
    std::ifstream file(entry->path(), std::ios::binary);
    return std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n');
  }
  return Json();
}

Json newest_write(const fs::path& run) {
  std::int64_t newest = 0;
  for (const fs::path& folder : {run, run / "rollouts"}) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      struct stat status {};
      if (::stat(entry->path().c_str(), &status) == 0)
        newest = std::max<std::int64_t>(newest, status.st_mtime);
    }
  }
  return newest > 0 ? Json(newest) : Json();
}

Json live_row(const RunData& run) {
  const Json last = run.metrics.empty() ? Json::object() : run.metrics.back();
  const Json step_s = number(last, "time/step_s");
  Json row = {{"run", run.name}, {"verb", run.verb}, {"label", run.label}, {"state", state_of(run)}};
  row["step"] = number(last, "step");
  row["steps"] = run.verb == "train" ? integer_setting(run, "train.steps") : Json();
  row["finished"] = run.trains() || run.result ? Json() : finished_problems(run.path);
  row["step_s"] = step_s;
  row["sampler_wait"] = share(number(last, "time/sampler_wait_s"), step_s);
  row["learner_wait"] = share(number(last, "time/learner_wait_s"), step_s);
  row["written"] = newest_write(run.path);
  row["recent"] = recent_steps(run);
  return row;
}

}  // namespace

std::optional<bool> is_held(const fs::path& run) {
  struct stat lock {};
  std::ifstream locks("/proc/locks");
  if (!locks) return std::nullopt;
  if (::stat((run / "lock").c_str(), &lock) != 0) return false;
  const std::string inode = ":" + std::to_string(lock.st_ino) + " ";
  for (std::string line; std::getline(locks, line);) {
    if (line.find(" FLOCK ") != std::string::npos && line.find(inode) != std::string::npos) return true;
  }
  return false;
}

Json build_live(const std::vector<RunData>& runs) {
  std::vector<Json> rows;
  for (const RunData& run : runs) rows.push_back(live_row(run));
  const auto rank = [](const Json& row) {
    return row["state"] == "running" ? 0 : row["state"] == "complete" ? 2 : 1;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const Json& a, const Json& b) { return rank(a) < rank(b); });
  return rows;
}

}  // namespace pope
