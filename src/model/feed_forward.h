// What a block computes beside attention: the gated feed-forward part, or experts of which each token goes to
// a few. N rows (tokens), W width, F feed-forward width, E experts.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/linear.h"

namespace pope {

struct FeedForward {
  Linear gate_up, down;  // W → 2F, F → W
};
enum class Gate { silu, gelu_tanh };

// x [N,W] → [N,W].
at::Tensor feed_forward(const at::Tensor& x, const FeedForward& weights, Gate gate);

struct Experts {
  at::Tensor router;  // [E,W]; undefined: no experts
  std::vector<FeedForward> each;
  int per_token = 0;
  bool norm_weights = false;
};

// x [N,W] → [N,W]: the sum of the results of the per_token experts that the router finds likeliest, weighted
// by its probabilities, which norm_weights makes sum to 1. Without gradient on devices other than the CPU
// nothing is read on the host: every expert computes all rows there, most with the weight 0.
at::Tensor mixed_experts(const at::Tensor& x, const Experts& experts, Gate gate);

}  // namespace pope
