// What one policy loss is made of. Internal to the objective: each kind is one file that defines a
// PolicyLoss, and one line in the table in objective.cpp.
#pragma once

#include "learn/objective.h"

namespace pope {

struct PolicyLoss {
  // Token losses [N]; `ratio` [N] = exp(logprobs − behaviour), both with gradient.
  at::Tensor (*losses)(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio);
  // [N] bool: tokens whose ratio is clipped or cut.
  at::Tensor (*clipped)(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio);
};

extern const PolicyLoss ppo_clip, truncated_is;

}  // namespace pope
