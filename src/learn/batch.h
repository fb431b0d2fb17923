// Training batches: rollouts (or supervised pairs) → packed micro-batches with the positions of the tokens
// that carry loss. The one place where prompt and guidance tokens are masked out.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "model/packing.h"

namespace pope {

// Which loss the tokens of a sequence have (objective.h).
enum class LossKind : std::uint8_t {
  policy,         // sampled: the policy loss of objective.kind, and the regularisers
  demonstration,  // given beside the rollouts of a group: LUFFY's shaped likelihood
  likelihood,     // given: negative log-likelihood
};

// What is learned from: the policy is to make `completion` more likely after `prompt`, or less.
struct Sequence {
  std::vector<int> prompt;      // with guidance, where it is shown: never a target
  std::vector<int> completion;  // the targets
  LossKind kind = LossKind::likelihood;
  std::vector<float> advantages;     // per target: what its loss is weighted with; empty: 1
  std::vector<float> behaviour;      // per target, its logprob when it was sampled; empty where it was not
  std::vector<std::uint8_t> filled;  // per target, Rollout::filled; empty: none
  bool other_prompt = false;         // sampled under another prompt than this one (context_distillation.h)
  std::vector<int> teacher;          // what a teacher reads in place of `prompt`; empty: none
};

// Sequences in the order given, one after the other; neighbours with the same prompt share it. A sequence is
// never split. Each micro-batch holds at most `max_tokens` tokens (or 1 sequence), those of the teacher
// apart.
struct MicroBatch {
  at::Tensor tokens;  // [N] i64: each prompt, then its completions without their last token, never an input
  Packing packing;
  at::Tensor rows;        // [M] i64: rows of hidden [N,W] whose next token is a target (position − 1 of it)
  at::Tensor targets;     // [M] i64: the completion tokens
  at::Tensor sequence;    // [M] i64: into the vector given
  at::Tensor advantages;  // [M] f32
  at::Tensor behaviour;   // [M] f32; 0 for targets that were not sampled
  at::Tensor kinds;       // [M] u8: LossKind of each target; undefined: all are of `kind`
  at::Tensor own_behaviour;  // [M] bool: `behaviour` is the trainer's own logprob; undefined: nowhere
  LossKind kind = LossKind::policy;
  // The sequences that have a teacher, under its prompt, and which targets are theirs, [K] i64; null: none.
  std::shared_ptr<const MicroBatch> teacher;
  at::Tensor taught_targets;
  MicroBatch to(at::Device device) const;
};

std::vector<MicroBatch> micro_batches(const std::vector<Sequence>& sequences, std::int64_t max_tokens);

}  // namespace pope
