// Training batches: rollouts (or supervised pairs) → right-padded micro-batches with the positions of the
// tokens that carry loss. The one place where prompt and guidance tokens are masked out.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace pope {

struct Sequence {
  std::vector<int> prompt;       // prompt and guidance: never a target
  std::vector<int> completion;   // generated (or supervised) tokens: the targets
  std::vector<float> behaviour;  // logprob per completion token; empty for supervised data
  double advantage = 0;
  bool demonstration = false;  // the completion was not sampled; its behaviour logprobs are zeros
};

// Sequences of similar length side by side, longest first; a sequence is never split. Each micro-batch holds
// at most `max_tokens` padded tokens (or 1 sequence).
struct MicroBatch {
  std::vector<std::size_t> index;  // which sequences, into the vector given
  at::Tensor tokens;  // [B,T] i64, right-padded with 0; without each sequence's last token, never an input
  at::Tensor rows;  // [N] i64: rows of hidden.view(B·T, W) whose next token is a target (position − 1 of it)
  at::Tensor targets;        // [N] i64: the completion tokens
  at::Tensor sequence;       // [N] i64: into the vector given
  at::Tensor behaviour;      // [N] f32, or undefined
  at::Tensor advantages;     // [N] f32
  at::Tensor demonstration;  // [N] bool, or undefined: none is
};

std::vector<MicroBatch> micro_batches(const std::vector<Sequence>& sequences, std::int64_t max_tokens);

}  // namespace pope
