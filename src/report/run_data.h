// One run directory, read into memory (rollouts excepted: they are streamed, see rollout_sample.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/files.h"

namespace pope {

struct RunData {
  std::filesystem::path path;
  std::string name, label;  // "": as read; run_list.h gives each run a name, and one without label that
  std::string verb, seed;
  std::vector<std::pair<std::string, std::string>> config;  // dotted key → value, in the order of config.yaml
  Json environment = Json::object();
  std::optional<Json> result;      // nothing when the run is not complete
  std::vector<Json> metrics;       // rows of metrics.jsonl
  std::vector<std::string> notes;  // what was missing or torn

  std::string setting(const std::string& key) const;  // "" when there is none
  bool trains() const { return verb == "train" || verb == "sft"; }
};

// Error when `path` is no run directory. Without name.
RunData read_run(const std::filesystem::path& path);

// What a key of metrics.jsonl is pass@k of; nothing for other keys.
struct PassMetric {
  std::string set;
  bool guided = false;
  int k = 0;
};
std::optional<PassMetric> pass_metric(const std::string& key);

// The labels of the runs that a table row stands for (train, sft, eval), in the order of the runs.
std::vector<std::string> method_labels(const std::vector<RunData>& runs);

}  // namespace pope
