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
  // The weights that publish() was last told of go out, if they have not, however many updates are to be
  // waited for: what is measured next is to be theirs.
  virtual void publish_now() = 0;
  // Removes what it has written for servers to load: training is over.
  virtual void remove_published() = 0;
};

}  // namespace pope
