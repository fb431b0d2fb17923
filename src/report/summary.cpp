// See summary.h.
#include "report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"

namespace pope {
namespace {

// Whether a setting is part of a run's method: not what may be another when the run goes on, but for the
// grader. Seeds have files of their own.
bool is_of_method(const RunData& run, const std::string& key) {
  if (key == "run.seed" || key == "run.label" || key.starts_with("paths.")) return false;
  if (key == "verify.command" || key == "verify.url") return true;
  const auto may_change = run.environment.find("may_change");
  if (may_change == run.environment.end())  // of a pope that did not say
    return !key.starts_with("run.") && !key.starts_with("metrics.");
  return std::find(may_change->begin(), may_change->end(), key) == may_change->end();
}

std::string shown(const std::string& key, const std::string& value) {
  return key.starts_with("paths.") ? std::filesystem::path(value).filename().string() : value;
}

// The settings, in the order of the configs, that have different values in the runs that know them; label
// and seed stand in the list of runs.
std::vector<std::string> differing_keys(const std::vector<const RunData*>& runs) {
  std::vector<std::string> keys;
  std::map<std::string, std::set<std::string>> values;
  for (const RunData* run : runs) {
    for (const auto& [key, value] : run->config) {
      if (values[key].empty()) keys.push_back(key);
      values[key].insert(shown(key, value));
    }
  }
  std::erase_if(keys, [&](const std::string& key) {
    return values[key].size() < 2 || key == "run.label" || key == "run.seed" || key.starts_with("metrics.");
  });
  return keys;
}

// Runs with the same label and values share a row: seeds.
Json settings_rows(const std::vector<const RunData*>& runs, const std::vector<std::string>& keys) {
  Json rows = Json::array();
  for (const RunData* run : runs) {
    Json settings = Json::object();
    for (const std::string& key : keys) settings[key] = shown(key, run->setting(key));
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const Json& row) {
      return row["label"] == run->label && row["settings"] == settings;
    });
    if (same != rows.end()) {
      (*same)["runs"].push_back(run->name);
    } else {
      rows.push_back({{"label", run->label}, {"runs", Json::array({run->name})}, {"settings", settings}});
    }
  }
  return rows;
}

// How much of the solution the guidance of a problem is, in tenths, counted by what is known of it.
Json length_counts(RunData& run) {
  constexpr int kBins = 10;
  std::map<std::string, std::vector<int>> counts;
  for (const char* kind : {"worked", "fallback", "untried"}) counts[kind].resize(kBins);
  try {
    read_jsonl(run.path / "guided.jsonl", [&](Json&& row, std::size_t) {
      const Json guidance = row.is_object() ? row.value("guidance", Json()) : Json();
      if (!guidance.is_object() || !guidance.value("fraction", Json()).is_number()) return;
      const bool fallback = guidance.value("fallback", Json()) == true;
      const bool untried = guidance.value("samples", Json()) == 0;
      const double bin = std::clamp(guidance["fraction"].get<double>() * kBins, 0.0, kBins - 1.0);
      ++counts[fallback ? "fallback" : untried ? "untried" : "worked"][static_cast<std::size_t>(bin)];
    });
  } catch (const Error& error) {
    const std::string what = error.what();
    run.notes.push_back("the lengths of its prefixes are not all shown: " + what.substr(0, what.find('\n')));
  }
  return {{"worked", counts["worked"]}, {"fallback", counts["fallback"]}, {"untried", counts["untried"]}};
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

Json build_guiding(std::vector<RunData>& runs) {
  Json rows = Json::array();
  for (RunData& run : runs) {
    if (run.verb != "guide" || !run.result || !run.result->contains("guided")) continue;
    Json row = summary_row(run, {"guided", "found", "fallback", "unsampled", "ungraded", "without_solution",
                                 "without_prefix", "leaks_prevented", "tokens"});
    row["lengths"] = row["guided"] == 0 ? Json() : length_counts(run);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json build_differences(const std::vector<RunData>& runs) {
  std::vector<std::string> verbs;
  for (const RunData& run : runs) {
    if (std::find(verbs.begin(), verbs.end(), run.verb) == verbs.end()) verbs.push_back(run.verb);
  }
  Json tables = Json::array();
  for (const std::string& verb : verbs) {
    std::vector<const RunData*> of_verb;
    for (const RunData& run : runs) {
      if (run.verb == verb) of_verb.push_back(&run);
    }
    const std::vector<std::string> keys = differing_keys(of_verb);
    if (!keys.empty()) tables.push_back({{"verb", verb}, {"rows", settings_rows(of_verb, keys)}});
  }
  return tables;
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
      if (is_of_method(run, key) && is_of_method(*other->second, key) && run.setting(key) != value)
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
