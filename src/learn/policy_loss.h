// What one policy loss, and one term added to it, is made of. Internal to the objective: each is one file
// that defines a PolicyLoss or a Regularizer, and one line in its table in objective.cpp.
#pragma once

#include "learn/objective.h"

namespace pope {

// [N] bool each, never both: tokens whose ratio is clipped or cut at the lower and at the upper bound.
struct Clipped {
  at::Tensor low, high;
};

struct PolicyLoss {
  // Token losses [N]; `ratio` [N] = exp(logprobs − behaviour), both with gradient.
  at::Tensor (*losses)(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio);
  Clipped (*clipped)(const ObjectiveConfig& config, const TokenBatch& batch, const at::Tensor& ratio);
  bool demonstrations = false;  // a demonstration joins each group
};

struct Regularizer {
  double ObjectiveConfig::*coef;
  at::Tensor (*losses)(const TokenBatch& batch);  // [N], with gradient
};

extern const PolicyLoss ppo_clip, truncated_is, luffy;
extern const Regularizer entropy_bonus, kl_to_reference;

}  // namespace pope
