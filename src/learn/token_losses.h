// The formulas behind objective.h: policy losses by objective.kind, and terms added to them. A new one is
// defined in token_losses.cpp or a file of its own, and gets one line in its table in objective.cpp.
#pragma once

#include <map>
#include <string>

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

// By name. A program of your own may add to it before it is used.
std::map<std::string, PolicyLoss>& policy_losses();

extern const PolicyLoss ppo_clip, truncated_is, luffy;
extern const Regularizer entropy_bonus, kl_to_reference, self_distillation;

// Losses [N] of tokens that were not sampled.
at::Tensor shaped_likelihood(const TokenBatch& batch);    // −A·π/(π + 0.1)
at::Tensor weighted_likelihood(const TokenBatch& batch);  // −A·logprobs

}  // namespace pope
