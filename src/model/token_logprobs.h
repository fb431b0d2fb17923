// Log-probabilities and entropies of tokens from hidden states, chunk by chunk: [N,V] logits never exist as a
// whole.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace pope {

struct TokenLogprobs {
  at::Tensor logprobs, entropy;  // [N] f32 (f64 for f64 inputs), in nats
};

// hidden [N,W], output_embedding [V,W], targets [N] i64, temperature > 0: logits are divided by it before the
// log-softmax. Both results are differentiable with respect to hidden and the output embedding; the backward
// pass computes the logits again. chunk_rows = 0 chooses a size that suits caches and memory.
TokenLogprobs token_logprobs(const at::Tensor& hidden, const at::Tensor& output_embedding,
                             const at::Tensor& targets, double temperature, std::int64_t chunk_rows = 0);
// The plain reference: all logits at once.
TokenLogprobs token_logprobs_reference(const at::Tensor& hidden, const at::Tensor& output_embedding,
                                       const at::Tensor& targets, double temperature);

}  // namespace pope
