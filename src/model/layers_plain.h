// The pieces of a block in ATen operations: on devices and for number types that have no fused loops, and as
// the reference of those that do. Shapes and formulas are those of layers.h.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "model/layers.h"
#include "model/packing.h"

namespace pope::plain {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double offset = 0);
at::Tensor swiglu(const at::Tensor& gate_up);
Heads split_heads(const at::Tensor& qkv, const HeadSplit& split);
at::Tensor causal_attention(const Heads& heads, const Packing& packing, std::int64_t window = 0);

// Cached decoding. What is launched depends on B, T and `length` alone: `starts` is never read on the host,
// so that a step can be recorded (graphs.h).
at::Tensor split_heads_into_cache(const at::Tensor& qkv, const HeadSplit& split, const at::Tensor& starts,
                                  const at::Tensor& keys, const at::Tensor& values);
// The mask of cached_attention, [B,1,T,length] of `type`: 0 where query t of row b sees the position, −∞
// where it does not. It serves all layers with the same window.
at::Tensor seen_positions(const at::Tensor& starts, std::int64_t steps, std::int64_t length,
                          std::int64_t window, at::ScalarType type);
// The first `length` positions of the cache must be finite, seen or not.
at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const at::Tensor& seen);

}  // namespace pope::plain
