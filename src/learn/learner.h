// The learning half of a training step: sequences of groups → optimiser steps.
#pragma once

#include <optional>
#include <vector>

#include "learn/context_distillation.h"
#include "learn/group_source.h"
#include "learn/objective.h"
#include "learn/optimizer.h"
#include "learn/trainer.h"

namespace pope {

struct LearnResult {
  int updates = 0;  // optimiser steps taken
  double loss = 0, grad_norm = 0, lr = 0;
  double grad_clipped = 0;  // part of the updates whose gradient was above clip_norm
  std::int64_t tokens = 0, demonstration_tokens = 0;
  RatioMetrics ratio;
  struct Gap {
    double mean = 0, max = 0;
  };
  std::optional<Gap> gap;  // of the first update, where it had tokens
  double entropy = 0, kl = 0, demonstration = 0;
  std::int64_t taught_tokens = 0;
  double teacher_gap = 0;
  DistillationMask distillation;
};
// The optimiser steps of 0-based step t, whose groups came from `source`. Context distillation changes their
// sequences. Error when the loss or the gradient norm is not finite, or the sampler's logprobs are not those
// of the trainer's weights (train.max_sampler_mismatch).
LearnResult learn(const TrainJob& job, std::vector<Group>& groups, std::int64_t t, Optimizer& optimizer,
                  GroupSource& source, StageSeconds& seconds);

}  // namespace pope
