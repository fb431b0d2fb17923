// The parts of read_plan: see plan.h.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/files.h"
#include "reproduce/plan.h"

namespace pope {

class Entry;

// `file[name]`, or an empty map.
const Json& plan_section(const Json& file, const std::string& name);

// arms.yaml, with its steps and arms in its own order; `noise` is its entry of that name.
struct ArmsFile {
  Plan plan;
  std::optional<double> noise;
};
ArmsFile read_arms(const std::filesystem::path& folder, bool quick);

// One STUDY.yaml. `noise` holds where it has none of its own.
Study read_study(const std::filesystem::path& file, const std::map<std::string, Arm>& arms,
                 std::optional<double> noise);

// The bound of a claim or condition: "above: X" or "below: X", and where `within` may stand "within: X".
std::pair<Side, double> read_bound(const Entry& entry, bool within);

}  // namespace pope
