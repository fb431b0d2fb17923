// Says once, early in a run, that most of its rollouts are truncated, and what helps. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "rollout/engine.h"

namespace pope {

struct RolloutContext;

class TruncationWatch {
 public:
  // Counts a rollout. The line to show, once: when at least 32 have come and most of all that have come are
  // truncated. It advises a higher sampling.max_new_tokens or, where most of the truncated ones hold the same
  // special token, which does not end rollouts, that token as one that does. "" at any other time.
  std::string add(const Rollout& rollout, const RolloutContext& context);

 private:
  std::mutex mutex_;
  int rollouts_ = 0, truncated_ = 0;
  std::map<int, int> passed_;  // special token → truncated rollouts whose first one it is
  bool said_ = false;
};

}  // namespace pope
