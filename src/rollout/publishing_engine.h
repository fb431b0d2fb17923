// An engine whose weights are elsewhere and are published to there: what it tells of that. Its publish() is
// also called when training begins.
#pragma once

#include <cstdint>

#include "rollout/engine.h"

namespace pope {

struct PublishStats {
  std::int64_t times = 0;
  double seconds = 0;
  double gap = 0;  // nats a token between a server's logprobs and those of the weights here, the last time
};

class PublishingEngine : public Engine {
 public:
  virtual PublishStats published() const = 0;
};

}  // namespace pope
