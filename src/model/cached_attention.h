// Attention of a decoding step to the cache: the kernel behind cached_attention() of layers.h. See kernels.h
// for what a kernel is.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace pope::kernels {

// The first `length` positions of a sequence that do not lie in its own slot: keys and values [K,rows,D].
template <class T>
struct SharedPrefix {
  const T *keys = nullptr, *values = nullptr;
  std::int64_t length = 0, head_stride = 0;
};

// Row i = b·K + kv head: the H/K query heads that share it. Query t of sequence b attends to its shared
// prefix and to rows 0 … starts[b] + t of its slot; of these positions to the last `window` (0: to all).
template <class T>
struct CachedAttention {
  const T *q, *keys, *values;       // q [B,H,steps,D]
  T* out;                           // [B,steps,H,D]
  const SharedPrefix<T>* prefixes;  // [B]
  const std::int64_t* starts;
  std::int64_t heads, kv_heads, width, steps, kv_batch_stride, kv_head_stride, window;
};
void rows(const CachedAttention<float>& kernel, std::int64_t begin, std::int64_t end);
void rows(const CachedAttention<c10::BFloat16>& kernel, std::int64_t begin, std::int64_t end);

}  // namespace pope::kernels
