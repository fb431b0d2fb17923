// Policy losses at token level and the terms added to them, one file each, and their aggregation; and the
// loss of supervised fine-tuning. Pure: tensors in, loss and metrics out. A new one is one file and one line
// in objective.cpp. docs/methods.md has all equations.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <string>

#include "learn/config.h"

namespace pope {

// The target tokens of a batch, flattened: N tokens of S sequences. Prompt and guidance tokens are not in it.
struct TokenBatch {
  at::Tensor logprobs;    // [N] f32 under the policy being trained; carries the gradient
  at::Tensor behaviour;   // [N] f32 as recorded while sampling
  at::Tensor advantages;  // [N] f32, the rollout's advantage on each of its tokens
  at::Tensor sequence;    // [N] i64, which sequence a token belongs to, 0 … S−1
  at::Tensor entropy;    // [N] f32 of the policy's distribution the token was drawn from, nats; with gradient
  at::Tensor reference;  // [N] f32 logprobs under the reference model, no gradient; undefined without KL
  at::Tensor demonstration;  // [N] bool: not sampled but a demonstration's, its behaviour is 0 (π_φ = 1);
                             // undefined: all are sampled
};
// The tokens of `batch` that were sampled: without those of demonstrations.
TokenBatch sampled_tokens(const TokenBatch& batch);

// Totals over the whole optimiser batch, so that micro-batches add up to exactly the batch's loss.
struct BatchTotals {
  std::int64_t tokens = 0;
  std::int64_t sequences = 0;
};

// Whether tokens of advantage 0 have a gradient too.
bool has_regularizer(const ObjectiveConfig& config);

// Token losses [N] f32 before aggregation. ρ = exp(logprobs − behaviour).
//   ppo_clip      −min(ρA, clip(ρ, 1−ε_low, 1+ε_high)·A)                 Eq. 2, arXiv:2601.18779
//   truncated_is  −sg(min(ρ, ratio_max))·A·logprobs                      PipelineRL's "reinforce"
//   luffy         ppo_clip; of demonstrations −A·π/(π + 0.1)             policy shaping, arXiv:2504.14945
// plus, on sampled tokens, the terms whose coefficient is not 0:
//   entropy_coef  −entropy                      kl_coef  k3 = e^d − d − 1, d = reference − logprobs
// Error: demonstrations in a batch of an objective that takes none, or KL without reference logprobs.
at::Tensor token_losses(const ObjectiveConfig& config, const TokenBatch& batch);

// KL(policy ‖ reference) per token by the k3 estimator [N] (kl_reference.cpp).
at::Tensor reference_kl(const TokenBatch& batch);

// Aggregation of token losses → scalar.
//   seq_sum     Σ tokens / S_total             token_mean  Σ tokens / N_total
//   seq_mean    Σ_s (mean over the tokens of s) / S_total
at::Tensor aggregate(const std::string& aggregation, const at::Tensor& losses, const at::Tensor& sequence,
                     const BatchTotals& totals);

// −Σ log π(token | those before it) / N_total → scalar; `logprobs` [N] f32 of the target tokens, with
// gradient. No policy loss: the tokens are given, not sampled (negative_log_likelihood.cpp).
at::Tensor negative_log_likelihood(const at::Tensor& logprobs, const BatchTotals& totals);

struct RatioMetrics {
  double mean = 0, mean_square = 0, min = std::numeric_limits<double>::infinity(), max = 0;  // of ρ
  // Fractions of tokens whose ratio the objective clips or cuts at its lower and at its upper bound.
  double clipped_low = 0, clipped_high = 0;
  double clipped() const { return clipped_low + clipped_high; }
  // Effective sample size as part of the number of tokens N: (Σρ)² / (N·Σρ²), in (0, 1]; 1 on-policy.
  double effective_samples() const { return mean_square > 0 ? mean * mean / mean_square : 0; }
  // Adds those of n more tokens; over_tokens() divides the sums when all are in.
  void add(const RatioMetrics& part, double n);
  void over_tokens(double tokens);
};
RatioMetrics ratio_metrics(const ObjectiveConfig& config, const TokenBatch& batch);

}  // namespace pope
