// Seconds per stage, for the time/ metrics.
#pragma once

#include "core/timed.h"

namespace pope {

struct StageSeconds {
  double sample = 0, verify = 0, learn = 0, optimizer = 0, checkpoint = 0, eval = 0, evolve = 0;
  double sampler_wait = 0, learner_wait = 0;  // time each side waited for the other
};

}  // namespace pope
