// Loss and gradient of one optimiser batch, micro-batch by micro-batch, so that memory does not grow with the
// batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "learn/batch.h"
#include "learn/objective.h"
#include "learn/optimizer.h"
#include "model/model.h"

namespace pope {

// One micro-batch forward: its share of the batch's loss (scalar, differentiable) and the tokens it came
// from. `reference`, needed for config.kl_coef and unused without, is forwarded beside it without gradient:
// it costs its weights and the activations of one layer, no more.
// `teacher` likewise, for config.self_distillation.
struct MicroLoss {
  at::Tensor loss;
  TokenBatch tokens;
};
MicroLoss policy_loss(const ObjectiveConfig& config, const Model& model, const MicroBatch& micro,
                      const BatchTotals& totals, double temperature, const Model* reference = nullptr,
                      const Model* teacher = nullptr);

// The hidden states before a micro-batch's targets [M,W].
at::Tensor target_rows(const Model& model, const MicroBatch& micro);
// The logprobs (and entropies) of a micro-batch's targets [M], as token_logprobs() gives them.
TokenLogprobs token_logprobs_of(const Model& model, const MicroBatch& micro, double temperature);

// Gives `use` the targets of all sequences in their order, with logprobs and entropies in nats; no gradient.
struct Target {
  std::size_t sequence = 0, position = 0;  // in the vector given; in its completion
  float logprob = 0, entropy = 0;
};
void for_each_target(const Model& model, const std::vector<Sequence>& sequences, double temperature,
                     std::int64_t micro_batch_tokens, const std::function<void(const Target&)>& use);

// Of each sequence the means over its targets of logprob and entropy, in nats; no gradient.
struct SequenceMean {
  double logprob = 0, entropy = 0;
};
std::vector<SequenceMean> sequence_means(const Model& model, const std::vector<Sequence>& sequences,
                                         double temperature, std::int64_t micro_batch_tokens);

struct BatchResult {
  double loss = 0;
  std::int64_t tokens = 0;  // sampled ones that were forwarded as targets; the means below are over them
  RatioMetrics ratio;
  std::int64_t gap_tokens = 0;            // of these, with behaviour logprobs that the sampler told: …
  double gap_mean = 0, gap_max = 0;       // … |trainer logprob − behaviour logprob|, nats
  double entropy = 0, kl = 0;             // of the policy; to the reference (k3; 0 without one), nats
  std::int64_t taught_tokens = 0;         // of these, read by a teacher: …
  double teacher_gap = 0;                 // … how far from it (self_distillation.h), nats
  std::int64_t demonstration_tokens = 0;  // forwarded beside them
  double demonstration = 0;               // mean probability that the policy gives those
};
// Forward and backward of all `sequences`; the gradient is left in the optimiser's sums. `totals` may count
// sequences that are not among them because their advantages are zero.
BatchResult policy_gradient(const ObjectiveConfig& config, const std::vector<Sequence>& sequences,
                            const BatchTotals& totals, double temperature, std::int64_t micro_batch_tokens,
                            const Model& model, Optimizer& optimizer, const Model* reference = nullptr,
                            const Model* teacher = nullptr);

}  // namespace pope
