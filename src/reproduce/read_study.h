// Reading STUDY.yaml: claims and figures. docs/reproduce.md has the format.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "reproduce/entry.h"
#include "reproduce/plan.h"

namespace pope {

// `noise` is the default for claims of a study that has none. Errors name the file and the entry.
Study read_study(const std::filesystem::path& file, const std::map<std::string, Arm>& arms,
                 std::optional<double> noise);

// The bound of a claim or of a gate's condition: "above: X", "below: X" or, if `within`, "within: X".
std::pair<Side, double> read_bound(const Entry& entry, bool within);

}  // namespace pope
