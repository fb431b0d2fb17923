// Causal attention of training and prefill, with its gradient: the kernels behind causal_attention() of
// layers.h. See kernels.h for what a kernel is.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace pope::kernels {

// The head widths that the kernels serve.
bool has_causal_attention(std::int64_t width);

// `bounds` and `groups` are those of a packing (packing.h); `tokens` is N. heads_per_kv is G.
struct CausalLayout {
  const std::int64_t *bounds, *groups;
  std::int64_t kv_heads, heads_per_kv, width, tokens;
};

// Row i = r·K + kv head: group r of the packing, the G query heads of one kv head. q [K,G,N,D], k and v
// [K,N,D], out [N,K,G,D]. log_sum [K,G,N] f32 is the log of the softmax's denominator.
template <class T>
struct CausalForward {
  CausalLayout layout;
  const T *q, *k, *v;
  T* out;
  float* log_sum;
};
// The gradients have the shapes of q, k and v.
template <class T>
struct CausalBackward {
  CausalLayout layout;
  const T *q, *k, *v, *out, *d_out;
  const float* log_sum;
  T *d_q, *d_k, *d_v;
};
void rows(const CausalForward<float>& kernel, std::int64_t begin, std::int64_t end);
void rows(const CausalForward<c10::BFloat16>& kernel, std::int64_t begin, std::int64_t end);
void rows(const CausalBackward<float>& kernel, std::int64_t begin, std::int64_t end);
void rows(const CausalBackward<c10::BFloat16>& kernel, std::int64_t begin, std::int64_t end);

}  // namespace pope::kernels
