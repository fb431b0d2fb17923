// The pieces of a transformer block, differentiable where training needs them. On the CPU in f32 and bf16
// they are the fused loops of kernels.h; elsewhere (has_fused() is false) the same formulas in ATen
// operations (layers_plain.h), which are also the reference. N rows, W width, H query heads, K kv heads, G =
// H/K, D head width, F feed-forward width, C = (H + 2K)·D.
#pragma once

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "model/packing.h"

namespace pope {

bool has_fused(const at::Tensor& x);

// x [N,W], weight [W] → [N,W]: x / sqrt(mean(x²) + eps) · (offset + weight).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double offset = 0);
// Residual addition and the norm after it: (x + delta, rms_norm(x + delta)).
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps, double offset = 0);

// gate and up side by side, [N,2F] → silu(gate) · up [N,F].
at::Tensor swiglu(const at::Tensor& gate_up);
// The same with the tanh approximation of GELU: gelu(gate) · up. In ATen operations everywhere.
at::Tensor geglu(const at::Tensor& gate_up);

// How a row of the joint q, k, v projection is split into heads, normed (weights [D], or undefined) and
// rotated by the angle of its position (rotate_half convention).
struct HeadSplit {
  std::int64_t heads, kv_heads, width;
  double norm_eps;
  at::Tensor q_norm, k_norm;
  at::Tensor cos, sin;  // [N,D/2] f32
  double norm_offset = 0;
};
struct Heads {
  at::Tensor q, k, v;  // [K,G,N,D], [K,1,N,D], [K,1,N,D]
};
// qkv [N,C].
Heads split_heads(const at::Tensor& qkv, const HeadSplit& split);

// Each token attends to itself and to those before it in its sequence; with a window (0: none) to the last
// `window` of these. → [N,H·D].
at::Tensor causal_attention(const Heads& heads, const Packing& packing, std::int64_t window = 0);

// Splits qkv [B·T,C] and writes k and v into the first B slots of one layer of a cache [slots,K,rows,D], from
// row starts[b] ([B] i64) on. → q [B·K,G,T,D]. No gradient. This and cached_attention require has_fused().
at::Tensor split_heads_into_cache(const at::Tensor& qkv, const HeadSplit& split, const at::Tensor& starts,
                                  const at::Tensor& keys, const at::Tensor& values);
// A shared prompt prefix, stored in another cache: the first `length` rows of slot 0 of one of its layers,
// [1,K,rows,D].
struct SharedPrefix {
  at::Tensor keys, values;
  std::int64_t length = 0;
};
// Query t of row b attends to its shared prefix and to rows 0 … starts[b] + t of its slot; with a window (0:
// none) to the last `window` of these positions. `prefixes` has one entry per row, or is empty: nothing is
// shared. → [B·T,H·D]. No gradient.
at::Tensor cached_attention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const at::Tensor& starts, std::int64_t window = 0,
                            const std::vector<SharedPrefix>& prefixes = {});

}  // namespace pope
