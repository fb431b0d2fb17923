// See run_data.h.
#include "report/run_data.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/metrics.h"
#include "core/yaml.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void read_optional(RunData& run) {
  const fs::path result = run.path / "result.json", metrics = run.path / "metrics.jsonl";
  if (fs::exists(result)) {
    try {
      run.result = read_json(result);
      if (!run.result->is_object()) run.result.reset();
    } catch (const Error& error) {
      run.notes.push_back("result.json is left out: " + first_line(error.what()));
    }
  } else {
    run.notes.push_back("the run is not complete (no result.json)");
  }
  if (fs::exists(metrics)) {
    try {
      read_jsonl(metrics, [&](Json&& row, std::size_t) {
        if (row.is_object()) run.metrics.push_back(std::move(row));
      });
    } catch (const Error& error) {
      run.notes.push_back("metrics.jsonl is read up to a damaged line: " + first_line(error.what()));
    }
  } else if (run.trains()) {
    run.notes.push_back("metrics.jsonl is missing: no curves of this run");
  }
}

}  // namespace

std::string RunData::setting(const std::string& key) const {
  for (const auto& [name, value] : config) {
    if (name == key) return value;
  }
  return "";
}

RunData read_run(const fs::path& path) {
  const auto no_run = [&](const std::string& why) {
    return Error(
        "report", path.string() + " is no run directory: " + why,
        "give the --out folders of pope mine, guide, evolve, sft, train or eval, or a folder of them");
  };
  if (!fs::is_directory(path)) throw no_run("expected a folder");
  for (const char* file : {"environment.json", "config.yaml"}) {
    if (!fs::exists(path / file)) throw no_run(std::string("it has no ") + file);
  }
  RunData run;
  run.path = path;
  run.environment = read_json(path / "environment.json");
  if (!run.environment.is_object() || !run.environment.value("verb", Json()).is_string()) {
    throw no_run("environment.json names no verb");
  }
  run.verb = run.environment["verb"];
  try {
    run.config = flatten_yaml(read_file(path / "config.yaml"), (path / "config.yaml").string());
  } catch (const YAML::Exception& error) {
    throw no_run(std::string("config.yaml is no valid YAML: ") + error.what());
  }
  run.label = run.setting("run.label");
  run.seed = run.setting("run.seed");
  read_optional(run);
  return run;
}

std::optional<PassMetric> pass_metric(const std::string& key) {
  const std::optional<NamedMetric> named = find_metric(key);
  if (!named || named->metric->key != "eval/{set}/{prompt}/pass@{k}") return std::nullopt;
  const std::string& digits = named->values.at("k");
  PassMetric pass{named->values.at("set"), named->values.at("prompt") == "guided"};
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), pass.k);
  return code == std::errc() ? std::optional(pass) : std::nullopt;
}

std::vector<std::string> method_labels(const std::vector<RunData>& runs) {
  std::vector<std::string> labels;
  for (const RunData& run : runs) {
    const bool known = std::find(labels.begin(), labels.end(), run.label) != labels.end();
    if ((run.trains() || run.verb == "eval") && !known) labels.push_back(run.label);
  }
  return labels;
}

}  // namespace pope
