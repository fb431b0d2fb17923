// Causal attention of training and prefill with its gradient, one (group, kv head) at a time: keys and values
// are widened to f32 and turned once for the G query heads that share them, those of a prefix once for all
// its continuations, then four queries at a time meet a block of the keys before them. Of a query that sees
// more blocks than one, top, sum and mixture so far are kept between them (online softmax: Milakov &
// Gimelshein 2018). Nothing of size T² is kept: backward recomputes the weights from log_sum. See kernels.h.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/kernels.h"
#include "model/simd.h"
#include "model/softmax.h"

namespace pope::kernels {
namespace {

using simd::F16, simd::kLanes;

constexpr int kRows = 4;              // queries at a time
constexpr std::int64_t kKeys = 1024;  // keys at a time: they stay in the cache while the queries pass by

// Rows of a transposed operand are padded to a multiple of two vectors, and one more so that they do not all
// fall on the same cache lines.
std::int64_t padded(std::int64_t steps) { return (steps + 31) / 32 * 32 + kLanes; }

// x [n] → out [n] · factor, in the other's number format.
template <class In, class Out>
POPE_INLINE void convert(const In* x, std::int64_t n, float factor, Out* out) {
  for (std::int64_t i = 0; i < n; i += kLanes) simd::store(out + i, simd::load(x + i) * factor);
}

// x [n,D] f32 → columns from … from + n − 1 of out [D,stride], zero beyond.
POPE_INLINE void transpose(const float* x, std::int64_t from, std::int64_t n, std::int64_t width,
                           std::int64_t stride, float* out) {
  for (std::int64_t d = 0; d < width; ++d) {
    float* row = out + d * stride + from;
    for (std::int64_t t = 0; t < n; ++t) row[t] = x[t * width + d];
    for (std::int64_t t = n; t < stride - from; ++t) row[t] = 0;
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

// What one unit works on: the segments first … last − 1, of which the first is the prefix, for one kv head.
struct Group {
  std::int64_t kv, first, last, prefix, longest;  // lengths of the prefix and of the longest sequence
  Group(const CausalLayout& l, std::int64_t unit)
      : kv(unit % l.kv_heads), first(l.groups[unit / l.kv_heads]), last(l.groups[unit / l.kv_heads + 1]) {
    prefix = longest = l.bounds[first + 1] - l.bounds[first];
    for (auto s = first + 1; s < last; ++s)
      longest = std::max(longest, prefix + l.bounds[s + 1] - l.bounds[s]);
  }
};

// Calls body(head, i, rows, j0, end) for each block of keys j0 … end − 1 and the query heads of `group`, and
// each block of `rows` queries from position i on that sees some of these keys, position `before` being the
// first query. Of rows that cannot see the whole block, end is that of the last.
template <class Body>
POPE_INLINE void each_block(const CausalLayout& l, const Group& group, std::int64_t before,
                            std::int64_t length, const Body& body) {
  for (std::int64_t j0 = 0; j0 < length; j0 += kKeys) {
    const std::int64_t first = before + std::max<std::int64_t>(0, j0 - before) / kRows * kRows;
    for (std::int64_t head = group.kv * l.heads_per_kv; head < (group.kv + 1) * l.heads_per_kv; ++head) {
      for (std::int64_t i = first; i < length; i += kRows) {
        const std::int64_t rows = std::min<std::int64_t>(kRows, length - i);
        body(head, i, rows, j0, std::min(i + rows, j0 + kKeys));
      }
    }
  }
}

// Floats that the queries of a group keep, `each`, between the blocks of keys.
std::int64_t kept_floats(const CausalLayout& l, const Group& group, std::int64_t each) {
  return group.longest > kKeys ? l.heads_per_kv * group.longest * each : 0;
}

// Within a group, positions count from the start of the sequence: a continuation overwrites what the
// continuation before it left behind the prefix.
template <int C, class T>
POPE_INLINE void forward(const CausalForward<T>& k, std::int64_t unit, std::vector<float>& memory) {
  constexpr std::int64_t D = C * kLanes, kKept = D + 2;  // mixture, sum, top
  const auto& l = k.layout;
  const Group group(l, unit);
  const std::int64_t size = group.longest * D, stride = padded(group.longest),
                     heads = l.kv_heads * l.heads_per_kv;
  memory.resize(
      static_cast<std::size_t>(2 * size + D * stride + kRows * stride + kept_floats(l, group, kKept)));
  float *keys = memory.data(), *values = keys + size, *turned = values + size, *scores = turned + D * stride,
        *kept = scores + kRows * stride;
  for (std::int64_t s = group.first; s < group.last; ++s) {
    const std::int64_t begin = l.bounds[s], own = l.bounds[s + 1] - begin,
                       before = s == group.first ? 0 : group.prefix, length = before + own,
                       kv_row = group.kv * l.tokens + begin;
    convert(k.k + kv_row * D, own * D, 1, keys + before * D);
    convert(k.v + kv_row * D, own * D, 1, values + before * D);
    transpose(keys + before * D, before, own, D, stride, turned);
    each_block(
        l, group, before, length,
        [&](std::int64_t head, std::int64_t i, std::int64_t rows, std::int64_t j0, std::int64_t end)
            __attribute__((always_inline)) {
              const std::int64_t token = begin + i - before;  // of the first query
              float queries[kRows * D] = {};
              convert(k.q + (head * l.tokens + token) * D, rows * D, 1.0F / std::sqrt(static_cast<float>(D)),
                      queries);
              dots<C>(queries, turned + j0, end - j0, stride, scores);
              simd::Softmax sums[kRows];
              for (int r = 0; r < kRows; ++r) {
                const std::int64_t seen = std::max<std::int64_t>(0, std::min(i + r + 1, end) - j0);
                sums[r] = simd::softmax(scores + r * stride, seen, end - j0);
              }
              F16 mixed[kRows][C];
              mix<C>(scores, values + j0 * D, end - j0, stride, mixed);
              const bool done = end == i + rows;
#pragma GCC unroll 4
              for (int r = 0; r < kRows; ++r) {
                if (r >= rows) break;
                float* mine = kept + ((head - group.kv * l.heads_per_kv) * own + i - before + r) * kKept;
                if (j0 > 0) {
                  const float top = std::max(mine[D + 1], sums[r].top), old = std::exp(mine[D + 1] - top),
                              now = std::exp(sums[r].top - top);
#pragma GCC unroll 8
                  for (int c = 0; c < C; ++c)
                    mixed[r][c] = simd::load(mine + c * kLanes) * old + mixed[r][c] * now;
                  sums[r] = {mine[D] * old + sums[r].sum * now, top};
                }
                if (done) {
                  T* out = k.out + ((token + r) * heads + head) * D;
#pragma GCC unroll 8
                  for (int c = 0; c < C; ++c)
                    simd::store(out + c * kLanes, mixed[r][c] * (1.0F / sums[r].sum));
                  k.log_sum[head * l.tokens + token + r] = sums[r].top + std::log(sums[r].sum);
                } else {
#pragma GCC unroll 8
                  for (int c = 0; c < C; ++c) simd::store(mine + c * kLanes, mixed[r][c]);
                  mine[D] = sums[r].sum;
                  mine[D + 1] = sums[r].top;
                }
              }
            });
  }
}

// With P = softmax(S), S = q k / √D, o = P v:  dv = Pᵀ do,  dS = P (do vᵀ − do·o),  dq = dS k / √D,  dk = dSᵀ
// q / √D. What the continuations give to the prefix's keys and values adds up there.
template <int C, class T>
POPE_INLINE void backward(const CausalBackward<T>& k, std::int64_t unit, std::vector<float>& memory) {
  constexpr std::int64_t D = C * kLanes;
  const auto& l = k.layout;
  const Group group(l, unit);
  const std::int64_t size = group.longest * D, stride = padded(group.longest),
                     heads = l.kv_heads * l.heads_per_kv;
  memory.resize(
      static_cast<std::size_t>(4 * size + 2 * D * stride + 2 * kRows * stride + kept_floats(l, group, D)));
  float *keys = memory.data(), *values = keys + size, *d_keys = values + size, *d_values = d_keys + size;
  float *turned_keys = d_values + size, *turned_values = turned_keys + D * stride;
  float *weights = turned_values + D * stride, *slopes = weights + kRows * stride,
        *kept = slopes + kRows * stride;  // gradients of queries
  const float scale = 1.0F / std::sqrt(static_cast<float>(D));
  const auto give = [&](std::int64_t s, std::int64_t before) __attribute__((always_inline)) {
    const std::int64_t begin = l.bounds[s], own = l.bounds[s + 1] - begin,
                       row = (group.kv * l.tokens + begin) * D;
    convert(d_keys + before * D, own * D, 1, k.d_k + row);
    convert(d_values + before * D, own * D, 1, k.d_v + row);
  };
  for (std::int64_t s = group.first; s < group.last; ++s) {
    const std::int64_t begin = l.bounds[s], own = l.bounds[s + 1] - begin,
                       before = s == group.first ? 0 : group.prefix, length = before + own,
                       kv_row = group.kv * l.tokens + begin;
    convert(k.k + kv_row * D, own * D, 1, keys + before * D);
    convert(k.v + kv_row * D, own * D, 1, values + before * D);
    transpose(keys + before * D, before, own, D, stride, turned_keys);
    transpose(values + before * D, before, own, D, stride, turned_values);
    std::fill_n(d_keys + before * D, own * D, 0.0F);
    std::fill_n(d_values + before * D, own * D, 0.0F);
    each_block(
        l, group, before, length,
        [&](std::int64_t head, std::int64_t i, std::int64_t rows, std::int64_t j0,
            std::int64_t end) __attribute__((always_inline)) {
          const std::int64_t token = begin + i - before, row = head * l.tokens + token;  // of the first query
          float queries[kRows * D] = {},
                                d_out[kRows * D] = {};  // rows beyond the last stay zero and add nothing
          convert(k.q + row * D, rows * D, scale, queries);
          float products[kRows] = {}, log_sums[kRows] = {};
          for (int r = 0; r < rows; ++r) {
            const std::int64_t at = ((token + r) * heads + head) * D;
            convert(k.d_out + at, D, 1, d_out + r * D);
            F16 product{};
            for (int c = 0; c < C; ++c)
              product += simd::load(d_out + r * D + c * kLanes) * simd::load(k.out + at + c * kLanes);
            products[r] = simd::sum(product);
            log_sums[r] = k.log_sum[row + r];
          }
          const std::int64_t here = end - j0, stop = (here + kLanes - 1) / kLanes * kLanes;
          dots<C>(queries, turned_keys + j0, here, stride, weights);
          dots<C>(d_out, turned_values + j0, here, stride, slopes);
          for (int r = 0; r < kRows; ++r) {
            float *weight = weights + r * stride, *slope = slopes + r * stride;
            for (std::int64_t j = std::max<std::int64_t>(0, i + r + 1 - j0); j < stop; ++j)
              weight[j] = -std::numeric_limits<float>::infinity();
            for (std::int64_t j = 0; j < stop; j += kLanes) {
              const F16 p = simd::exp(simd::load(weight + j) - log_sums[r]);
              simd::store(weight + j, p);
              simd::store(slope + j, p * (simd::load(slope + j) - products[r]));
            }
          }
          spread<C>(weights, d_out, here, stride, d_values + j0 * D);
          spread<C>(slopes, queries, here, stride, d_keys + j0 * D);  // the queries carry the 1/√D
          F16 mixed[kRows][C];
          mix<C>(slopes, keys + j0 * D, here, stride, mixed);
          const bool done = end == i + rows;
#pragma GCC unroll 4
          for (int r = 0; r < kRows; ++r) {
            if (r >= rows) break;
            float* mine = kept + ((head - group.kv * l.heads_per_kv) * own + i - before + r) * D;
#pragma GCC unroll 8
            for (int c = 0; c < C; ++c) {
              if (j0 > 0) mixed[r][c] += simd::load(mine + c * kLanes);
              if (done) {
                simd::store(k.d_q + (row + r) * D + c * kLanes, mixed[r][c] * scale);
              } else {
                simd::store(mine + c * kLanes, mixed[r][c]);
              }
            }
          }
        });
    if (s != group.first) give(s, before);
  }
  give(group.first, 0);
}

template <class Kernel, class Body>
POPE_INLINE void each(const Kernel& k, std::int64_t begin, std::int64_t end, const Body& body) {
  thread_local std::vector<float> memory;
  for (std::int64_t unit = begin; unit < end; ++unit) {
    switch (k.layout.width) {
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

bool has_causal_attention(std::int64_t width) {
  return width == 16 || width == 32 || width == 64 || width == 128;
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
