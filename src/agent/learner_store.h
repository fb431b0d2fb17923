// The learner's states in the store, a row per (agent, type).
#pragma once

#include <string>

#include "agent/database.h"
#include "agent/learner.h"

namespace pope {

// The first state where there is none.
LearnerState load_learner(Database& database, const std::string& agent, const std::string& type);
void save_learner(Database& database, const std::string& agent, const std::string& type,
                  const LearnerState& state);

}  // namespace pope
