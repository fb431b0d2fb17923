// The record of one graded rollout, as run directories keep it and the report shows it (docs/formats.md).
#pragma once

#include <string>

#include "core/files.h"
#include "data/prompt.h"
#include "rollout/reward.h"

namespace pope {

// {"problem_id", "set", "guided", "sample", "problem", "guidance", "answer", "completion", "tokens",
// "finish",
//  "correct", "ungraded", "extracted", "reason", "policy_version", "policy_version_last"}
Json record(const GradedRollout& graded, const Prompt& prompt, const std::string& set);

}  // namespace pope
