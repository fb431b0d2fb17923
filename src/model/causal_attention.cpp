// Causal attention of training and prefill with its gradient, one (row, kv head) at a time: keys and values
// are widened to f32 and turned once for the G query heads that share them, then four queries at a time meet
// all keys before them. Nothing of size T² is kept: backward recomputes the weights from log_sum. See
// kernels.h.
#include <cmath>
#include <limits>
#include <vector>

#include "model/kernels.h"
#include "model/simd.h"
#include "model/softmax.h"

namespace pope::kernels {
namespace {

using simd::F16, simd::kLanes;

constexpr int kRows = 4;  // queries at a time

// Rows of a transposed operand are padded to a multiple of two vectors, and one more so that they do not all
// fall on the same cache lines.
std::int64_t padded(std::int64_t steps) { return (steps + 31) / 32 * 32 + kLanes; }

// x [n,D] → out [n,D] f32 · factor.
template <class T>
POPE_INLINE void widen(const T* x, std::int64_t n, float factor, float* out) {
  for (std::int64_t i = 0; i < n; i += kLanes) simd::store(out + i, simd::load(x + i) * factor);
}

// x [T,D] f32 → out [D,stride], zero beyond T.
POPE_INLINE void transpose(const float* x, std::int64_t steps, std::int64_t width, std::int64_t stride,
                           float* out) {
  for (std::int64_t d = 0; d < width; ++d) {
    for (std::int64_t t = 0; t < steps; ++t) out[d * stride + t] = x[t * width + d];
    for (std::int64_t t = steps; t < stride; ++t) out[d * stride + t] = 0;
  }
}

// out[r·stride + j] = rows[r] · column j, for j < end (rounded up to 32): rows [4,D], columns [D,stride].
template <int C>
POPE_INLINE void dots(const float* rows, const float* columns, std::int64_t end, std::int64_t stride,
                      float* out) {
  for (std::int64_t j = 0; j < end; j += 2 * kLanes) {
    F16 sum[kRows][2] = {};
    for (int d = 0; d < C * kLanes; ++d) {
      const F16 first = simd::load(columns + d * stride + j),
                second = simd::load(columns + d * stride + j + kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        sum[r][0] += first * rows[r * C * kLanes + d];
        sum[r][1] += second * rows[r * C * kLanes + d];
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      simd::store(out + r * stride + j, sum[r][0]);
      simd::store(out + r * stride + j + kLanes, sum[r][1]);
    }
  }
}

// sum [4][C] = Σ_{j < end} weights[r·stride + j] · values[j], values [T,D].
template <int C>
POPE_INLINE void mix(const float* weights, const float* values, std::int64_t end, std::int64_t stride,
                     F16 (&sum)[kRows][C]) {
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) sum[r][c] = F16{};
  }
  for (std::int64_t j = 0; j < end; ++j) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      const F16 value = simd::load(values + (j * C + c) * kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sum[r][c] += value * weights[r * stride + j];
    }
  }
}

// out[j] += Σ_r weights[r·stride + j] · rows[r], for j < end; out [T,D], rows [4,D].
template <int C>
POPE_INLINE void spread(const float* weights, const float* rows, std::int64_t end, std::int64_t stride,
                        float* out) {
  for (std::int64_t j = 0; j < end; ++j) {
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) {
      F16 sum = simd::load(out + (j * C + c) * kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r)
        sum += simd::load(rows + (r * C + c) * kLanes) * weights[r * stride + j];
      simd::store(out + (j * C + c) * kLanes, sum);
    }
  }
}

template <int C, class T>
POPE_INLINE void forward(const CausalForward<T>& k, std::int64_t unit, std::vector<float>& memory) {
  constexpr std::int64_t D = C * kLanes;
  const std::int64_t steps = k.steps, stride = padded(steps), b = unit / k.kv_heads, kv = unit % k.kv_heads;
  memory.resize(static_cast<std::size_t>(2 * steps * D + D * stride + kRows * stride));
  float *keys = memory.data(), *values = keys + steps * D, *turned = values + steps * D,
        *scores = turned + D * stride;
  widen(k.k + unit * k.kv_stride, steps * D, 1, keys);
  widen(k.v + unit * k.kv_stride, steps * D, 1, values);
  transpose(keys, steps, D, stride, turned);
  for (std::int64_t g = 0; g < k.group; ++g) {
    const T* q = k.q + (unit * k.group + g) * steps * D;
    for (std::int64_t i = 0; i < steps; i += kRows) {
      const std::int64_t rows = std::min<std::int64_t>(kRows, steps - i), end = i + rows;
      float queries[kRows * D] = {};
      widen(q + i * D, rows * D, 1.0F / std::sqrt(static_cast<float>(D)), queries);
      dots<C>(queries, turned, end, stride, scores);
      simd::Softmax sums[kRows];
      for (int r = 0; r < kRows; ++r) {
        sums[r] = simd::softmax(scores + r * stride, std::min<std::int64_t>(i + r + 1, steps), end);
      }
      F16 mixed[kRows][C];
      mix<C>(scores, values, end, stride, mixed);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        if (r >= rows) break;
        T* out = k.out + (((b * steps + i + r) * k.kv_heads + kv) * k.group + g) * D;
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) simd::store(out + c * kLanes, mixed[r][c] * (1.0F / sums[r].sum));
        k.log_sum[(unit * k.group + g) * steps + i + r] = sums[r].top + std::log(sums[r].sum);
      }
    }
  }
}

// With P = softmax(S), S = q k / √D, o = P v:  dv = Pᵀ do,  dS = P (do vᵀ − do·o),  dq = dS k / √D,  dk = dSᵀ
// q / √D.
template <int C, class T>
POPE_INLINE void backward(const CausalBackward<T>& k, std::int64_t unit, std::vector<float>& memory) {
  constexpr std::int64_t D = C * kLanes;
  const std::int64_t steps = k.steps, stride = padded(steps), b = unit / k.kv_heads, kv = unit % k.kv_heads;
  const std::int64_t size = steps * D;
  memory.resize(static_cast<std::size_t>(4 * size + 2 * D * stride + 2 * kRows * stride));
  float *keys = memory.data(), *values = keys + size, *d_keys = values + size, *d_values = d_keys + size;
  float *turned_keys = d_values + size, *turned_values = turned_keys + D * stride;
  float *weights = turned_values + D * stride, *slopes = weights + kRows * stride;
  const float scale = 1.0F / std::sqrt(static_cast<float>(D));
  widen(k.k + unit * size, size, 1, keys);
  widen(k.v + unit * size, size, 1, values);
  transpose(keys, steps, D, stride, turned_keys);
  transpose(values, steps, D, stride, turned_values);
  std::fill(d_keys, d_keys + 2 * size, 0.0F);
  for (std::int64_t g = 0; g < k.group; ++g) {
    const std::int64_t head = unit * k.group + g;
    for (std::int64_t i = 0; i < steps; i += kRows) {
      const std::int64_t rows = std::min<std::int64_t>(kRows, steps - i), end = i + rows;
      float queries[kRows * D] = {}, d_out[kRows * D] = {};  // rows beyond the last stay zero and add nothing
      widen(k.q + head * size + i * D, rows * D, scale, queries);
      float products[kRows] = {};
      for (int r = 0; r < rows; ++r) {
        const std::int64_t at = (((b * steps + i + r) * k.kv_heads + kv) * k.group + g) * D;
        widen(k.d_out + at, D, 1, d_out + r * D);
        F16 product{};
        for (int c = 0; c < C; ++c)
          product += simd::load(d_out + r * D + c * kLanes) * simd::load(k.out + at + c * kLanes);
        products[r] = simd::sum(product);
      }
      dots<C>(queries, turned_keys, end, stride, weights);
      dots<C>(d_out, turned_values, end, stride, slopes);
      const std::int64_t stop = (end + kLanes - 1) / kLanes * kLanes;
      for (int r = 0; r < kRows; ++r) {
        float *weight = weights + r * stride, *slope = slopes + r * stride;
        for (std::int64_t j = i + r + 1; j < stop; ++j) weight[j] = -std::numeric_limits<float>::infinity();
        const float log_sum = k.log_sum[head * steps + std::min(i + r, steps - 1)];
        for (std::int64_t j = 0; j < stop; j += kLanes) {
          const F16 p = simd::exp(simd::load(weight + j) - log_sum);
          simd::store(weight + j, p);
          simd::store(slope + j, p * (simd::load(slope + j) - products[r]));
        }
      }
      spread<C>(weights, d_out, end, stride, d_values);
      spread<C>(slopes, queries, end, stride, d_keys);  // the queries carry the 1/√D
      F16 mixed[kRows][C];
      mix<C>(slopes, keys, end, stride, mixed);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        if (r >= rows) break;
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c)
          simd::store(k.d_q + head * size + (i + r) * D + c * kLanes, mixed[r][c] * scale);
      }
    }
  }
  for (std::int64_t i = 0; i < size; i += kLanes) {
    simd::store(k.d_k + unit * size + i, simd::load(d_keys + i));
    simd::store(k.d_v + unit * size + i, simd::load(d_values + i));
  }
}

template <class Kernel, class Body>
POPE_INLINE void each(const Kernel& k, std::int64_t begin, std::int64_t end, const Body& body) {
  std::vector<float> memory;
  for (std::int64_t unit = begin; unit < end; ++unit) {
    switch (k.width) {
      case 16:
        body(std::integral_constant<int, 1>(), unit, memory);
        break;
      case 32:
        body(std::integral_constant<int, 2>(), unit, memory);
        break;
      case 64:
        body(std::integral_constant<int, 4>(), unit, memory);
        break;
      default:
        body(std::integral_constant<int, 8>(), unit, memory);
    }
  }
}

template <class T>
POPE_INLINE void run(const CausalForward<T>& k, std::int64_t begin, std::int64_t end) {
  each(
      k, begin,
      end, [&](auto c, std::int64_t unit, std::vector<float>& memory) __attribute__((always_inline)) {
        forward<decltype(c)::value>(k, unit, memory);
      });
}
template <class T>
POPE_INLINE void run(const CausalBackward<T>& k, std::int64_t begin, std::int64_t end) {
  each(
      k, begin,
      end, [&](auto c, std::int64_t unit, std::vector<float>& memory) __attribute__((always_inline)) {
        backward<decltype(c)::value>(k, unit, memory);
      });
}

}  // namespace

// Longer rows would not stay in the cache between the query blocks.
bool has_causal_attention(std::int64_t width, std::int64_t steps) {
  return (width == 16 || width == 32 || width == 64 || width == 128) && steps <= 1024;
}

POPE_CLONES void rows(const CausalForward<float>& k, std::int64_t begin, std::int64_t end) {
  run(k, begin, end);
}
POPE_CLONES void rows(const CausalForward<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {
  run(k, begin, end);
}
POPE_CLONES void rows(const CausalBackward<float>& k, std::int64_t begin, std::int64_t end) {
  run(k, begin, end);
}
POPE_CLONES void rows(const CausalBackward<c10::BFloat16>& k, std::int64_t begin, std::int64_t end) {
  run(k, begin, end);
}

}  // namespace pope::kernels
