// Training batches: rollouts (or supervised pairs) → packed micro-batches with the positions of the tokens
// that carry loss. The one place where prompt and guidance tokens are masked out.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "model/packing.h"

namespace pope {

struct Sequence {
  std::vector<int> prompt;       // prompt and guidance: never a target
  std::vector<int> completion;   // generated (or supervised) tokens: the targets
  std::vector<float> behaviour;  // logprob per completion token; empty for supervised data
  double advantage = 0;
  bool demonstration = false;  // the completion was not sampled; its behaviour logprobs are zeros
};

// Sequences in the order given, one after the other; neighbours with the same prompt share it. A sequence is
// never split. Each micro-batch holds at most `max_tokens` tokens (or 1 sequence).
struct MicroBatch {
  at::Tensor tokens;  // [N] i64: each prompt, then its completions without their last token, never an input
  Packing packing;
  at::Tensor rows;        // [M] i64: rows of hidden [N,W] whose next token is a target (position − 1 of it)
  at::Tensor targets;     // [M] i64: the completion tokens
  at::Tensor sequence;    // [M] i64: into the vector given
  at::Tensor behaviour;   // [M] f32, or undefined
  at::Tensor advantages;  // [M] f32
  at::Tensor demonstration;  // [M] bool, or undefined: none is
  MicroBatch to(at::Device device) const;
};

std::vector<MicroBatch> micro_batches(const std::vector<Sequence>& sequences, std::int64_t max_tokens);

}  // namespace pope
