// See summary.h.
#include "report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace pope {
namespace {

// Settings that are not the method's: how a run is done and recorded.
bool is_local(const std::string& key) {
  return key.starts_with("run.") || key.starts_with("metrics.") || key.starts_with("report.");
}

std::string shown(const std::string& key, const std::string& value) {
  return key.starts_with("paths.") ? std::filesystem::path(value).filename().string() : value;
}

// Keys of the result of a mine or guide run that its summary repeats.
Json summary_row(const RunData& run, std::initializer_list<const char*> keys) {
  Json row = {{"run", run.name}, {"label", run.label}};
  for (const char* key : keys) row[key] = run.result->value(key, Json());
  return row;
}

// Whether two eval runs evaluated a set of the same name.
bool share_a_set(const RunData& a, const RunData& b) {
  const auto names = [](const RunData& run) {
    std::set<std::string> result;
    const Json sets = run.result ? run.result->value("sets", Json::array()) : Json::array();
    for (const Json& set : sets) result.insert(set.value("set", ""));
    return result;
  };
  const std::set<std::string> of_a = names(a), of_b = names(b);
  return std::any_of(of_a.begin(), of_a.end(), [&](const std::string& name) { return of_b.contains(name); });
}

Json seconds_of(const RunData& run) {
  return run.result ? total_seconds(run.result->value("seconds", Json())) : Json();
}

}  // namespace

Json total_seconds(const Json& seconds) {
  if (seconds.is_number()) return seconds;
  if (!seconds.is_object()) return Json();
  if (seconds.contains("total")) return seconds["total"];
  double sum = 0;
  for (const Json& stage : seconds) sum += stage.is_number() ? stage.get<double>() : 0;
  return sum;
}

Json build_mining(const std::vector<RunData>& runs) {
  Json rows = Json::array();
  for (const RunData& run : runs) {
    if (run.verb != "mine" || !run.result || !run.result->contains("classes")) continue;
    rows.push_back(summary_row(run, {"problems", "classes", "sets", "samples", "tokens", "tokens_fixed",
                                     "truncated", "ungraded", "faulty_reference"}));
  }
  return rows;
}

Json build_guiding(const std::vector<RunData>& runs) {
  Json rows = Json::array();
  for (const RunData& run : runs) {
    if (run.verb != "guide" || !run.result || !run.result->contains("fractions")) continue;
    Json row = summary_row(run, {"guided", "found", "fallback", "ungraded", "without_solution",
                                 "without_prefix", "leaks_prevented", "tokens"});
    std::vector<int> histogram(10, 0);
    for (const Json& fraction : (*run.result)["fractions"]) {
      if (fraction.is_number()) ++histogram[std::clamp(static_cast<int>(fraction.get<double>() * 10), 0, 9)];
    }
    row["histogram"] = histogram;
    rows.push_back(std::move(row));
  }
  return rows;
}

Json build_differences(const std::vector<RunData>& runs, const std::vector<std::string>& methods) {
  std::map<std::string, const RunData*> trained;  // the first training run of a method
  for (const RunData& run : runs) {
    if (run.trains()) trained.emplace(run.label, &run);
  }
  Json rows = Json::array();
  if (trained.size() < 2) return rows;
  for (const auto& [key, first_value] : trained.begin()->second->config) {
    if (is_local(key)) continue;
    Json values = Json::object();
    bool differ = false;
    for (const std::string& method : methods) {
      if (!trained.contains(method)) continue;
      const std::string value = trained.at(method)->setting(key);
      differ = differ || shown(key, value) != shown(key, first_value);
      values[method] = shown(key, value);
    }
    if (differ) rows.push_back({{"key", key}, {"values", values}});
  }
  return rows;
}

Json build_runs(const std::vector<RunData>& runs) {
  Json rows = Json::array();
  for (const RunData& run : runs) {
    const Json starts = run.environment.value("starts", Json::array());
    rows.push_back(
        {{"name", run.name},
         {"verb", run.verb},
         {"label", run.label},
         {"seed", run.seed},
         {"complete", run.result.has_value()},
         {"started", !starts.empty() && starts[0].is_object() ? starts[0].value("time", Json()) : Json()},
         {"starts", starts.size()},
         {"version", run.environment.value("version", Json())},
         {"system", run.environment.value("system", Json())},
         {"threads", run.setting("run.threads")},
         {"seconds", seconds_of(run)},
         {"notes", run.notes}});
  }
  return rows;
}

std::vector<std::string> doubtful_seeds(const std::vector<RunData>& runs) {
  std::vector<std::string> warnings;
  std::map<std::string, const RunData*> first;          // of a verb and label
  std::map<std::string, const RunData*> first_of_seed;  // of a verb, label and seed
  for (const RunData& run : runs) {
    if (!run.trains() && run.verb != "eval") continue;
    const std::string method = run.verb + '\n' + run.label;
    const auto [same_seed, new_seed] = first_of_seed.emplace(method + '\n' + run.seed, &run);
    if (!new_seed && (run.trains() || share_a_set(*same_seed->second, run))) {
      warnings.push_back(fmt::format(
          "{} and {} have the same label and the same seed {}: their spread is no spread over seeds.",
          same_seed->second->name, run.name, run.seed));
    }
    const auto [other, alone] = first.emplace(method, &run);
    if (alone) continue;
    std::string keys;
    for (const auto& [key, value] : other->second->config) {
      // Seeds have files of their own.
      if (!is_local(key) && !key.starts_with("paths.") && run.setting(key) != value)
        keys += (keys.empty() ? "" : ", ") + key;
    }
    if (keys.empty()) continue;
    warnings.push_back(
        fmt::format("{} and {} carry the label {} but differ in {}: they are no seeds of one method.",
                    other->second->name, run.name, run.label, keys));
  }
  return warnings;
}

}  // namespace pope
