// The passes over a row of logits that sample.cpp makes. Included by each_processor.h.

using simd::F16, simd::kLanes;

// The largest of n values; NaN may be passed over (the sums show it).
float largest_of(const float* values, std::int64_t n) {
  F16 tops = simd::splat(-std::numeric_limits<float>::infinity());
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) tops = simd::max(tops, simd::load(values + i));
  float top = simd::largest(tops);
  for (; i < n; ++i) top = std::max(top, values[i]);
  return top;
}

// sums[b] = Σ exp((logits − top) · scale) over block b.
void sum_blocks(const float* logits, std::int64_t vocab, float top, float scale, float* sums) {
  for (std::int64_t from = 0; from < vocab; from += kDrawBlock) {
    F16 sum{};
    simd::sweep(
        std::min(kDrawBlock, vocab - from), [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          sum += io.keep(simd::exp((io.load(logits + from + i) - top) * scale));
        });
    *sums++ = simd::sum(sum);
  }
}

// The terms of one block's sum.
void block_weights(const float* logits, std::int64_t n, float top, float scale, float* weights) {
  simd::sweep(
      n, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
        io.store(weights + i, simd::exp((io.load(logits + i) - top) * scale));
      });
}
