// The kernels of cached_attention.h.
// One (sequence, kv head) at a time, with the query heads that share it side by side, so that each key and
// value is read once for all of them. The softmax is in f32, over all positions at once.
#include "model/softmax-inl.h"

using simd::F16, simd::kLanes, simd::splat, simd::sweep;

// The keys or values of a sequence by position: those of its prefix, then its own.
template <class T>
struct Rows {
  const T *prefix, *own;
  std::int64_t prefix_length, first, width;  // operator[](0) is position `first`
  POPE_INLINE const T* operator[](std::int64_t p) const {
    p += first;
    return p < prefix_length ? prefix + p * width : own + (p - prefix_length) * width;
  }
};

// scores[g·stride + p] = query g · key p, for G queries [G,W] in f32 and `length` keys of width W = 16·C.
template <int G, int C, class T>
POPE_INLINE void dot_keys(const float* queries, const Rows<T>& keys, std::int64_t length, std::int64_t stride,
                          float* scores) {
  for (std::int64_t p = 0; p < length; p += kLanes) {
    F16 partial[G][kLanes];
    for (std::int64_t j = 0; j < kLanes; ++j) {
      const T* key = keys[std::min(p + j, length - 1)];
#pragma GCC unroll 16
      for (int g = 0; g < G; ++g) partial[g][j] = F16{};
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) {
        const F16 part = simd::load(key + c * kLanes);
#pragma GCC unroll 16
        for (int g = 0; g < G; ++g) partial[g][j] += part * simd::load(queries + (g * C + c) * kLanes);
      }
    }
#pragma GCC unroll 16
    for (int g = 0; g < G; ++g) simd::store(scores + g * stride + p, simd::sums(partial[g]));
  }
}

// out[g] = Σ_p weights[g·stride + p] · value p, scaled by inverse[g].
template <int G, int C, class T>
POPE_INLINE void mix_values(const float* weights, const Rows<T>& values, std::int64_t length,
                            std::int64_t stride, const float* inverse, T* out, std::int64_t out_stride) {
  constexpr int kChains = G * C < 4 ? 4 : 1;  // independent sums, so that additions overlap
  F16 mixed[kChains][G][C] = {};
  const auto add = [&](std::int64_t p, int chain) __attribute__((always_inline)) {
    const T* value = values[p];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      const F16 part = simd::load(value + c * kLanes);
#pragma GCC unroll 16
      for (int g = 0; g < G; ++g) mixed[chain][g][c] += part * weights[g * stride + p];
    }
  };
  std::int64_t p = 0;
  for (; p + kChains <= length; p += kChains) {
#pragma GCC unroll 16
    for (int chain = 0; chain < kChains; ++chain) add(p + chain, chain);
  }
  for (; p < length; ++p) add(p, 0);
#pragma GCC unroll 16
  for (int g = 0; g < G; ++g) {
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      F16 total = mixed[0][g][c];
#pragma GCC unroll 16
      for (int chain = 1; chain < kChains; ++chain) total += mixed[chain][g][c];
      simd::store(out + g * out_stride + c * kLanes, total * inverse[g]);
    }
  }
}

// The same for any width, one query at a time.
template <class T>
POPE_INLINE void dot_keys(const float* query, const Rows<T>& keys, std::int64_t length, float* scores) {
  for (std::int64_t p = 0; p < length; ++p) {
    F16 dot{};
    sweep(
        keys.width, [&](std::int64_t i, auto io)
                        __attribute__((always_inline)) { dot += io.load(query + i) * io.load(keys[p] + i); });
    scores[p] = simd::sum(dot);
  }
}
template <class T>
POPE_INLINE void mix_values(const float* weights, const Rows<T>& values, std::int64_t length, float inverse,
                            T* out) {
  sweep(
      values.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
        F16 mixed{};
        for (std::int64_t p = 0; p < length; ++p) mixed += io.load(values[p] + i) * weights[p];
        io.store(out + i, mixed * inverse);
      });
}

struct Scratch {
  std::vector<float> queries, scores;
};

// G query heads of row b, from head h0 on, against one kv head.
template <int G, class T>
POPE_INLINE void attend(const CachedAttention<T>& k, std::int64_t b, std::int64_t kv, std::int64_t h0,
                        std::int64_t t, Scratch& scratch) {
  const SharedPrefix<T>& prefix = k.prefixes[b];
  const std::int64_t end = prefix.length + k.starts[b] + t + 1,
                     first = k.window > 0 ? std::max<std::int64_t>(0, end - k.window) : 0,
                     length = end - first, stride = (length + kLanes - 1) / kLanes * kLanes, w = k.width,
                     own = b * k.kv_batch_stride + kv * k.kv_head_stride, shared = kv * prefix.head_stride;
  const Rows<T> keys{prefix.keys + shared, k.keys + own, prefix.length, first, w},
      values{prefix.values + shared, k.values + own, prefix.length, first, w};
  scratch.queries.resize(static_cast<std::size_t>(G * w));
  if (scratch.scores.size() < static_cast<std::size_t>(G * stride)) scratch.scores.resize(2 * G * stride);
  float *queries = scratch.queries.data(), *scores = scratch.scores.data();
  const float scale = 1.0F / std::sqrt(static_cast<float>(w));
  for (int g = 0; g < G; ++g) {
    const T* q = k.q + ((b * k.heads + h0 + g) * k.steps + t) * w;
    sweep(
        w, [&](std::int64_t i, auto io)
               __attribute__((always_inline)) { io.store(queries + g * w + i, io.load(q + i) * scale); });
  }
  T* out = k.out + ((b * k.steps + t) * k.heads + h0) * w;
  float inverse[G];
  const auto fixed = [&]<int C>(std::integral_constant<int, C>) __attribute__((always_inline)) {
    dot_keys<G, C>(queries, keys, length, stride, scores);
    for (int g = 0; g < G; ++g) inverse[g] = 1.0F / simd::softmax(scores + g * stride, length, length).sum;
    mix_values<G, C>(scores, values, length, stride, inverse, out, w);
  };
  switch (w) {
    case 16:
      return fixed(std::integral_constant<int, 1>());
    case 64:
      return fixed(std::integral_constant<int, 4>());
    case 128:
      return fixed(std::integral_constant<int, 8>());
    default:
      for (int g = 0; g < G; ++g) {
        dot_keys(queries + g * w, keys, length, scores);
        mix_values(scores, values, length, 1.0F / simd::softmax(scores, length, length).sum, out + g * w);
      }
  }
}

template <class T>
void run(const CachedAttention<T>& k, std::int64_t begin, std::int64_t end) {
  Scratch scratch;
  const std::int64_t group = k.heads / k.kv_heads;
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t b = i / k.kv_heads, kv = i % k.kv_heads;
    for (std::int64_t t = 0; t < k.steps; ++t) {
      std::int64_t h = kv * group;
      const std::int64_t last = h + group;
      for (; h + 3 <= last; h += 3) attend<3>(k, b, kv, h, t, scratch);
      if (h + 2 == last) attend<2>(k, b, kv, h, t, scratch);
      if (h + 1 == last) attend<1>(k, b, kv, h, t, scratch);
    }
  }
}
