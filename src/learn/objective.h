// Losses at token level, the terms added to them, and their aggregation (token_losses.cpp has the formulas).
// Pure: tensors in, loss and metrics out. docs/methods.md has all equations.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <string>

#include "learn/batch.h"
#include "learn/config.h"

namespace pope {

// The target tokens of a batch, flattened: N tokens of S sequences. Prompt and guidance tokens are not in it.
struct TokenBatch {
  at::Tensor logprobs;    // [N] f32 under the policy being trained; carries the gradient
  at::Tensor behaviour;   // [N] f32 as recorded while sampling; 0 for tokens that were not sampled
  at::Tensor advantages;  // [N] f32
  at::Tensor sequence;    // [N] i64, which sequence a token belongs to, 0 … S−1
  at::Tensor entropy;    // [N] f32 of the policy's distribution the token was drawn from, nats; with gradient
  at::Tensor reference;  // [N] f32 logprobs under the reference model, no gradient; undefined without KL
  at::Tensor kinds;      // [N] u8 LossKind of each token; undefined: all are of `kind`
  at::Tensor own_behaviour;  // [N] bool: `behaviour` is the trainer's own; undefined: nowhere
  at::Tensor taught;         // [N] bool: a teacher reads it (self_distillation.h); undefined: none
  // Of these, one of the two: KL(policy ‖ teacher) [N], with gradient; logprobs under the teacher [N],
  // without.
  at::Tensor teacher_kl, teacher_logprobs;
  LossKind kind = LossKind::policy;
};
// The tokens of `batch` of one kind.
TokenBatch tokens_of(const TokenBatch& batch, LossKind kind);

// Totals over the whole optimiser batch, so that micro-batches add up to exactly the batch's loss.
struct BatchTotals {
  std::int64_t tokens = 0;
  std::int64_t sequences = 0;
};

// Whether tokens of advantage 0 have a gradient too.
bool has_regularizer(const ObjectiveConfig& config);

// Token losses [N] f32 before aggregation. ρ = exp(logprobs − behaviour), π = exp(logprobs).
// LossKind::policy, by config.kind:
//   ppo_clip      −min(ρA, clip(ρ, 1−ε_low, 1+ε_high)·A)                 Eq. 2, arXiv:2601.18779
//   truncated_is  −sg(min(ρ, ratio_max))·A·logprobs                      PipelineRL's "reinforce"
//   luffy         ppo_clip
// times policy_coef, plus the terms whose coefficient is not 0:
//   entropy_coef  −entropy                      kl_coef  k3 = e^d − d − 1, d = reference − logprobs
//   self_distillation  see self_distillation.h
// LossKind::demonstration  −A·π/(π + 0.1)                               policy shaping, arXiv:2504.14945
// LossKind::likelihood     −A·logprobs
// Error: KL without reference logprobs.
at::Tensor token_losses(const ObjectiveConfig& config, const TokenBatch& batch);

// KL(policy ‖ reference) per token by the k3 estimator [N].
at::Tensor reference_kl(const TokenBatch& batch);

// Aggregation of token losses → scalar.
//   seq_sum     Σ tokens / S_total             token_mean  Σ tokens / N_total
//   seq_mean    Σ_s (mean over the tokens of s) / S_total
at::Tensor aggregate(const std::string& aggregation, const at::Tensor& losses, const at::Tensor& sequence,
                     const BatchTotals& totals);

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
// Of tokens that were all sampled.
RatioMetrics ratio_metrics(const ObjectiveConfig& config, const TokenBatch& batch);

}  // namespace pope
