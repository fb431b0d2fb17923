// The kernels of causal_attention.h.
// One (group, kv head) at a time. Keys and values are widened to f32 and transposed once for the G query
// heads that share them, those of a prefix once for all its continuations; then four queries at a time meet a
// block of keys. Where there are several blocks, a query's top, sum and mixture so far are kept between them
// (online softmax: Milakov & Gimelshein 2018). Nothing of size T² is stored: backward computes the weights
// again from log_sum.
#include "model/softmax-inl.h"

using simd::F16, simd::kLanes;

constexpr int kRows = 4;              // queries at a time
constexpr std::int64_t kKeys = 1024;  // keys at a time: few enough to stay in the processor's cache

// The row length of a transposed operand: a multiple of two vectors, and one vector more so that rows do not
// all fall on the same cache lines.
std::int64_t padded(std::int64_t steps) { return (steps + 31) / 32 * 32 + kLanes; }

// out [n] = x [n] · factor, in out's number format.
template <class In, class Out>
POPE_INLINE void convert(const In* x, std::int64_t n, float factor, Out* out) {
  for (std::int64_t i = 0; i < n; i += kLanes) simd::store(out + i, simd::load(x + i) * factor);
}

// x [n,D] f32 → columns from … from + n − 1 of out [D,stride]. The columns after them become zero.
POPE_INLINE void transpose(const float* x, std::int64_t from, std::int64_t n, std::int64_t width,
                           std::int64_t stride, float* out) {
  for (std::int64_t d = 0; d < width; ++d) {
    float* row = out + d * stride + from;
    for (std::int64_t t = 0; t < n; ++t) row[t] = x[t * width + d];
    for (std::int64_t t = n; t < stride - from; ++t) row[t] = 0;
  }
}

// out[r·stride + j] = rows[r] · column j, for j < end (rounded up to 16, with AVX-512 to 32): rows [4,D],
// columns [D,stride]. As many columns at a time as leave registers free.
template <int C>
POPE_INLINE void dots(const float* rows, const float* columns, std::int64_t end, std::int64_t stride,
                      float* out) {
  constexpr int kAtOnce = POPE_VECTOR_BYTES == 64 ? 2 : 1;
  for (std::int64_t j = 0; j < end; j += kAtOnce * kLanes) {
    F16 sum[kRows][kAtOnce] = {};
    for (int d = 0; d < C * kLanes; ++d) {
#pragma GCC unroll 2
      for (int i = 0; i < kAtOnce; ++i) {
        const F16 column = simd::load(columns + d * stride + j + i * kLanes);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) sum[r][i] += column * rows[r * C * kLanes + d];
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int i = 0; i < kAtOnce; ++i) simd::store(out + r * stride + j + i * kLanes, sum[r][i]);
    }
  }
}

// sum [4][C] = Σ_{j < end} weights[r·stride + j] · values[j], values [T,D]. As many of the C parts at a time
// as leave registers free.
template <int C>
POPE_INLINE void mix(const float* weights, const float* values, std::int64_t end, std::int64_t stride,
                     F16 (&sum)[kRows][C]) {
  constexpr int kAtOnce = POPE_VECTOR_BYTES == 64 ? C : 1;
#pragma GCC unroll 8
  for (int first = 0; first < C; first += kAtOnce) {
    F16 mixed[kRows][kAtOnce] = {};
    for (std::int64_t j = 0; j < end; ++j) {
#pragma GCC unroll 8
      for (int c = 0; c < kAtOnce; ++c) {
        const F16 value = simd::load(values + (j * C + first + c) * kLanes);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) mixed[r][c] += value * weights[r * stride + j];
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int c = 0; c < kAtOnce; ++c) sum[r][first + c] = mixed[r][c];
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

// What one unit works on: the segments first … last − 1 of a group, its prefix first, for one kv head.
struct Group {
  std::int64_t kv, first, last, prefix, longest;  // lengths of the prefix and of the longest sequence
  Group(const CausalLayout& l, std::int64_t unit)
      : kv(unit % l.kv_heads), first(l.groups[unit / l.kv_heads]), last(l.groups[unit / l.kv_heads + 1]) {
    prefix = longest = l.bounds[first + 1] - l.bounds[first];
    for (auto s = first + 1; s < last; ++s)
      longest = std::max(longest, prefix + l.bounds[s + 1] - l.bounds[s]);
  }
};

// The `own` tokens from token `begin` on. Positions count from the start of the sequence: `before` of them
// are the prefix's, or none in the prefix itself.
struct Segment {
  std::int64_t begin, own, before, length;  // length: before + own
  Segment(const CausalLayout& l, const Group& group, std::int64_t s)
      : begin(l.bounds[s]), own(l.bounds[s + 1] - begin), before(s == group.first ? 0 : group.prefix) {
    length = before + own;
  }
};

// The queries of `head` at positions i … i + rows − 1 and the keys at positions j0 … end − 1. A query sees
// the keys up to its own position; `end` is that of the last query, or of the last key in this block of keys.
struct Block {
  std::int64_t head, i, rows, j0, end;
  bool last_keys() const { return end == i + rows; }  // no later block has keys that these queries see
};

// Calls body(block) for each block of keys, and in it for each block of queries that sees some of them.
template <class Body>
POPE_INLINE void each_block(const CausalLayout& l, const Group& group, const Segment& s, const Body& body) {
  for (std::int64_t j0 = 0; j0 < s.length; j0 += kKeys) {
    const std::int64_t first = s.before + std::max<std::int64_t>(0, j0 - s.before) / kRows * kRows;
    for (std::int64_t head = group.kv * l.heads_per_kv; head < (group.kv + 1) * l.heads_per_kv; ++head) {
      for (std::int64_t i = first; i < s.length; i += kRows) {
        const std::int64_t rows = std::min<std::int64_t>(kRows, s.length - i);
        body(Block{head, i, rows, j0, std::min(i + rows, j0 + kKeys)});
      }
    }
  }
}

// What both passes need of a unit. Keys and values are kept by position: a continuation overwrites what the
// one before it left behind the prefix.
template <int C>
struct Unit {
  static constexpr std::int64_t D = C * kLanes;
  const CausalLayout& l;
  const Group group;
  const std::int64_t size, stride, heads;  // floats of all keys; of a transposed row; query heads in all
  Unit(const CausalLayout& layout, std::int64_t unit)
      : l(layout),
        group(layout, unit),
        size(group.longest * D),
        stride(padded(group.longest)),
        heads(l.kv_heads * l.heads_per_kv) {}

  // The first value of a segment's keys, in k, v and their gradients.
  std::int64_t kv_at(const Segment& s) const { return (group.kv * l.tokens + s.begin) * D; }
  // The first query's token, and its row in q and log_sum.
  std::int64_t token(const Segment& s, const Block& b) const { return s.begin + b.i - s.before; }
  std::int64_t row(const Segment& s, const Block& b) const { return b.head * l.tokens + token(s, b); }
  // `each` floats per query that are kept from one block of keys to the next.
  std::int64_t kept_floats(std::int64_t each) const {
    return group.longest > kKeys ? l.heads_per_kv * group.longest * each : 0;
  }
  std::int64_t kept_at(const Segment& s, const Block& b, std::int64_t each) const {
    return ((b.head - group.kv * l.heads_per_kv) * s.own + b.i - s.before) * each;
  }
};

template <int C, class T>
class Forward : Unit<C> {
  using Unit<C>::D, Unit<C>::l, Unit<C>::group, Unit<C>::size, Unit<C>::stride, Unit<C>::heads;
  static constexpr std::int64_t kKept = D + 2;  // mixture, sum, top

 public:
  POPE_INLINE Forward(const CausalForward<T>& kernel, std::int64_t unit, std::vector<float>& memory)
      : Unit<C>(kernel.layout, unit), k(kernel) {
    const std::int64_t floats = 2 * size + D * stride + kRows * stride + this->kept_floats(kKept);
    memory.resize(static_cast<std::size_t>(floats));
    keys = memory.data();
    values = keys + size;
    turned = values + size;
    scores = turned + D * stride;
    kept = scores + kRows * stride;
  }

  POPE_INLINE void run() const {
    for (std::int64_t i = group.first; i < group.last; ++i) {
      const Segment s(l, group, i);
      convert(k.k + this->kv_at(s), s.own * D, 1, keys + s.before * D);
      convert(k.v + this->kv_at(s), s.own * D, 1, values + s.before * D);
      transpose(keys + s.before * D, s.before, s.own, D, stride, turned);
      each_block(
          l, group, s, [&](const Block& b) __attribute__((always_inline)) { block(s, b); });
    }
  }

 private:
  POPE_INLINE void block(const Segment& s, const Block& b) const {
    float queries[kRows * D] = {};
    convert(k.q + this->row(s, b) * D, b.rows * D, 1.0F / std::sqrt(static_cast<float>(D)), queries);
    dots<C>(queries, turned + b.j0, b.end - b.j0, stride, scores);
    simd::Softmax sums[kRows];
    for (int r = 0; r < kRows; ++r) {
      const std::int64_t seen = std::max<std::int64_t>(0, std::min(b.i + r + 1, b.end) - b.j0);
      sums[r] = simd::softmax(scores + r * stride, seen, b.end - b.j0);
    }
    F16 mixed[kRows][C];
    mix<C>(scores, values + b.j0 * D, b.end - b.j0, stride, mixed);
    add(s, b, sums, mixed);
  }

  // Adds a block of keys to those before it: to the output after the last one, else to what is kept.
  POPE_INLINE void add(const Segment& s, const Block& b, simd::Softmax (&sums)[kRows],
                       F16 (&mixed)[kRows][C]) const {
    const std::int64_t token = this->token(s, b);
    const bool last = b.last_keys();
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      if (r >= b.rows) break;
      float* mine = kept + this->kept_at(s, b, kKept) + r * kKept;
      if (b.j0 > 0) {
        const float top = std::max(mine[D + 1], sums[r].top), old = std::exp(mine[D + 1] - top),
                    now = std::exp(sums[r].top - top);
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) mixed[r][c] = simd::load(mine + c * kLanes) * old + mixed[r][c] * now;
        sums[r] = {mine[D] * old + sums[r].sum * now, top};
      }
      if (last) {
        T* out = k.out + ((token + r) * heads + b.head) * D;
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) simd::store(out + c * kLanes, mixed[r][c] * (1.0F / sums[r].sum));
        k.log_sum[b.head * l.tokens + token + r] = sums[r].top + std::log(sums[r].sum);
      } else {
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) simd::store(mine + c * kLanes, mixed[r][c]);
        mine[D] = sums[r].sum;
        mine[D + 1] = sums[r].top;
      }
    }
  }

  const CausalForward<T>& k;
  float *keys, *values, *turned, *scores, *kept;
};

// With P = softmax(S), S = q k / √D, o = P v:  dv = Pᵀ do,  dS = P (do vᵀ − do·o),  dq = dS k / √D,  dk = dSᵀ
// q / √D. The gradients that continuations give to the prefix's keys and values are summed.
template <int C, class T>
class Backward : Unit<C> {
  using Unit<C>::D, Unit<C>::l, Unit<C>::group, Unit<C>::size, Unit<C>::stride, Unit<C>::heads;

 public:
  POPE_INLINE Backward(const CausalBackward<T>& kernel, std::int64_t unit, std::vector<float>& memory)
      : Unit<C>(kernel.layout, unit), k(kernel) {
    const std::int64_t floats = 4 * size + 2 * D * stride + 2 * kRows * stride + this->kept_floats(D);
    memory.resize(static_cast<std::size_t>(floats));
    keys = memory.data();
    values = keys + size;
    d_keys = values + size;
    d_values = d_keys + size;
    turned_keys = d_values + size;
    turned_values = turned_keys + D * stride;
    weights = turned_values + D * stride;
    slopes = weights + kRows * stride;
    kept = slopes + kRows * stride;
  }

  POPE_INLINE void run() const {
    for (std::int64_t i = group.first; i < group.last; ++i) {
      const Segment s(l, group, i);
      convert(k.k + this->kv_at(s), s.own * D, 1, keys + s.before * D);
      convert(k.v + this->kv_at(s), s.own * D, 1, values + s.before * D);
      transpose(keys + s.before * D, s.before, s.own, D, stride, turned_keys);
      transpose(values + s.before * D, s.before, s.own, D, stride, turned_values);
      std::fill_n(d_keys + s.before * D, s.own * D, 0.0F);
      std::fill_n(d_values + s.before * D, s.own * D, 0.0F);
      each_block(
          l, group, s, [&](const Block& b) __attribute__((always_inline)) { block(s, b); });
      if (i != group.first) give(s);
    }
    give(Segment(l, group, group.first));
  }

 private:
  // Four queries with the gradient of their output. Rows beyond the last are zero and add nothing.
  struct Queries {
    float q[kRows * D] = {}, d_out[kRows * D] = {};    // q / √D
    float products[kRows] = {}, log_sums[kRows] = {};  // products: do·o
  };
  POPE_INLINE void load(const Segment& s, const Block& b, Queries& in) const {
    const std::int64_t token = this->token(s, b), row = this->row(s, b);
    convert(k.q + row * D, b.rows * D, scale, in.q);
    for (int r = 0; r < b.rows; ++r) {
      const std::int64_t at = ((token + r) * heads + b.head) * D;
      convert(k.d_out + at, D, 1, in.d_out + r * D);
      F16 product{};
      for (int c = 0; c < C; ++c)
        product += simd::load(in.d_out + r * D + c * kLanes) * simd::load(k.out + at + c * kLanes);
      in.products[r] = simd::sum(product);
      in.log_sums[r] = k.log_sum[row + r];
    }
  }

  POPE_INLINE void block(const Segment& s, const Block& b) const {
    Queries in;
    load(s, b, in);
    const std::int64_t here = b.end - b.j0, stop = (here + kLanes - 1) / kLanes * kLanes;
    dots<C>(in.q, turned_keys + b.j0, here, stride, weights);
    dots<C>(in.d_out, turned_values + b.j0, here, stride, slopes);
    for (int r = 0; r < kRows; ++r) {
      float *weight = weights + r * stride, *slope = slopes + r * stride;
      for (std::int64_t j = std::max<std::int64_t>(0, b.i + r + 1 - b.j0); j < stop; ++j)
        weight[j] = -std::numeric_limits<float>::infinity();
      for (std::int64_t j = 0; j < stop; j += kLanes) {
        const F16 p = simd::exp(simd::load(weight + j) - in.log_sums[r]);
        simd::store(weight + j, p);
        simd::store(slope + j, p * (simd::load(slope + j) - in.products[r]));
      }
    }
    spread<C>(weights, in.d_out, here, stride, d_values + b.j0 * D);
    spread<C>(slopes, in.q, here, stride, d_keys + b.j0 * D);  // q carries the 1/√D
    F16 mixed[kRows][C];
    mix<C>(slopes, keys + b.j0 * D, here, stride, mixed);
    add(s, b, mixed);
  }

  // Adds a block of keys to the gradient of the queries: to d_q after the last one, else to what is kept.
  POPE_INLINE void add(const Segment& s, const Block& b, F16 (&mixed)[kRows][C]) const {
    const std::int64_t row = this->row(s, b);
    const bool last = b.last_keys();
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      if (r >= b.rows) break;
      float* mine = kept + this->kept_at(s, b, D) + r * D;
      if (b.j0 > 0) {
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) mixed[r][c] += simd::load(mine + c * kLanes);
      }
      if (last) {
        T* out = k.d_q + (row + r) * D;
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) simd::store(out + c * kLanes, mixed[r][c] * scale);
      } else {
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) simd::store(mine + c * kLanes, mixed[r][c]);
      }
    }
  }

  // The finished gradients of a segment's keys and values.
  POPE_INLINE void give(const Segment& s) const {
    convert(d_keys + s.before * D, s.own * D, 1, k.d_k + this->kv_at(s));
    convert(d_values + s.before * D, s.own * D, 1, k.d_v + this->kv_at(s));
  }

  const CausalBackward<T>& k;
  const float scale = 1.0F / std::sqrt(static_cast<float>(D));
  float *keys, *values, *d_keys, *d_values, *turned_keys, *turned_values, *weights, *slopes, *kept;
};

template <template <int, class> class Pass, template <class> class Kernel, class T>
POPE_INLINE void run_units(const Kernel<T>& k, std::int64_t begin, std::int64_t end) {
  thread_local std::vector<float> memory;
  for (std::int64_t unit = begin; unit < end; ++unit) {
    switch (k.layout.width) {
      case 16:
        Pass<1, T>(k, unit, memory).run();
        break;
      case 32:
        Pass<2, T>(k, unit, memory).run();
        break;
      case 64:
        Pass<4, T>(k, unit, memory).run();
        break;
      default:
        Pass<8, T>(k, unit, memory).run();
    }
  }
}

template <class T>
void run(const CausalForward<T>& k, std::int64_t begin, std::int64_t end) {
  run_units<Forward>(k, begin, end);
}
template <class T>
void run(const CausalBackward<T>& k, std::int64_t begin, std::int64_t end) {
  run_units<Backward>(k, begin, end);
}
