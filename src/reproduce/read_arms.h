// Reading arms.yaml: steps, gate and arms. docs/reproduce.md has the format.
#pragma once

#include <filesystem>
#include <optional>

#include "reproduce/plan.h"

namespace pope {

// Steps and arms in the file's own order.
struct ArmsFile {
  Plan plan;
  std::optional<double> noise;  // its entry of that name
};
// FOLDER/arms.yaml; `quick` applies its quick settings. Errors name the file and the entry.
ArmsFile read_arms(const std::filesystem::path& folder, bool quick);

}  // namespace pope
