// Passes over rows of logits for token_logprobs. See LogprobForward and LogprobBackward in kernels.h.
#include <cmath>
#include <limits>

#include "model/kernels.h"
#include "model/simd.h"

namespace pope::kernels {
namespace {

using simd::F16, simd::splat, simd::sweep;

POPE_INLINE void run(const LogprobForward& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const float* z = k.logits + n * k.vocab;
    F16 tops = splat(-std::numeric_limits<float>::infinity());
    std::int64_t i = 0;
    for (; i + simd::kLanes <= k.vocab; i += simd::kLanes) tops = simd::max(tops, simd::load(z + i));
    float top = simd::max(tops);
    for (; i < k.vocab; ++i) top = std::max(top, z[i]);
    // With y = scale (z − top): Σ e^y and Σ y e^y give both log-sum and entropy = log Σ e^y − Σ y e^y / Σ
    // e^y. Lanes beyond the row read as zero and are made to weigh nothing.
    double total = 0, weighted = 0;
    constexpr std::int64_t kBlock = 4096;  // f32 sums of bounded length
    for (std::int64_t from = 0; from < k.vocab; from += kBlock) {
      F16 sum{}, product{};
      sweep(
          std::min(kBlock, k.vocab - from), [&](std::int64_t j, auto io) __attribute__((always_inline)) {
            const F16 y = (io.load(z + from + j) - top) * k.scale;
            const F16 e = io.keep(simd::exp(y));
            sum += e;
            product += e > 0.0F ? e * y : F16{};
          });
      total += simd::sum(sum);
      weighted += simd::sum(product);
    }
    const double log_total = std::log(total);
    k.log_sum[n] = static_cast<float>(log_total + k.scale * static_cast<double>(top));
    k.entropy[n] = static_cast<float>(log_total - weighted / total);
    k.logprobs[n] = static_cast<float>(k.scale * (static_cast<double>(z[k.targets[n]]) - top) - log_total);
  }
}

template <class T>
POPE_INLINE void run(const LogprobBackward<T>& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const float* z = k.logits + n * k.vocab;
    T* out = k.d_logits + n * k.vocab;
    const float g = k.d_logprobs ? k.d_logprobs[n] * k.scale : 0,
                e = k.d_entropy ? k.d_entropy[n] * k.scale : 0;
    const float log_sum = k.log_sum[n], entropy = k.entropy[n];
    sweep(
        k.vocab, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          const F16 log_p = io.load(z + i) * k.scale - log_sum, p = simd::exp(log_p);
          io.store(out + i, -p * (g + e * (log_p + entropy)));
        });
    const std::int64_t t = k.targets[n];
    const float log_p = z[t] * k.scale - log_sum, p = std::exp(log_p);
    out[t] = g - p * (g + e * (log_p + entropy));
  }
}

}  // namespace

POPE_CLONES void rows(const LogprobForward& k, std::int64_t begin, std::int64_t end) { run(k, begin, end); }
POPE_CLONES void rows(const LogprobBackward<float>& k, std::int64_t begin, std::int64_t end) {
  run(k, begin, end);
}
POPE_CLONES void rows(const LogprobBackward<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {
  run(k, begin, end);
}

}  // namespace pope::kernels
