// KL divergence between two next-token distributions, from hidden states, chunk by chunk: [N,V] logits never
// exist as a whole.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace pope {

// Hidden states [N,W] and the output embedding [V,W] that makes logits of them, both f32, both bf16 or both
// f64.
struct HeadInput {
  at::Tensor hidden, embedding;
};

// → KL(p ‖ q) per row [N] f32 (f64 for f64), in nats, over the whole vocabulary; p and q are the softmax of
// the logits of `policy` and `other`, divided by the temperature. Differentiable with respect to `policy`;
// `other`, of as many rows, is a constant. The backward pass computes the logits again. chunk_rows = 0
// chooses a size.
at::Tensor token_kl(const HeadInput& policy, const HeadInput& other, double temperature,
                    std::int64_t chunk_rows = 0);

}  // namespace pope
