// The reward as a Python file that needs nothing but Python: it talks to one `pope verify -`.
#pragma once

#include <string>

#include "export/export.h"

namespace pope {

inline constexpr auto kRewardFile = "pope_reward.py";
// Its text, with the verifier's settings and the longest completion of `job`.
std::string reward_file(const ExportJob& job);

}  // namespace pope
