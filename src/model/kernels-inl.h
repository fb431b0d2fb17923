// The kernels of kernels.h, row by row. Included by each_processor.h.
using simd::F16, simd::sweep, simd::splat;

template <class T>
void run(const NormForward<T>& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const T* row = k.x + n * k.width;
    F16 squares{};
    if (k.delta) {
      T* sum = k.sum + n * k.width;
      sweep(
          k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
            io.store(sum + i, io.load(row + i) + io.load(k.delta + n * k.width + i));
            const F16 rounded = io.load(sum + i);
            squares += rounded * rounded;
          });
      row = sum;
    } else {
      sweep(
          k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
            const F16 x = io.load(row + i);
            squares += x * x;
          });
    }
    const float inverse = 1.0F / std::sqrt(simd::sum(squares) / static_cast<float>(k.width) + k.eps);
    sweep(
        k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          io.store(k.out + n * k.width + i, io.load(row + i) * inverse * (io.load(k.weight + i) + k.offset));
        });
  }
}

// With r = 1 / sqrt(mean(x²) + eps) and g = d_out · (offset + weight): d_x = r (g − x r² mean(g x)), d_weight
// = Σ d_out x r.
template <class T>
void run(const NormBackward<T>& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const T *x = k.sum + n * k.width, *d_out = k.d_out + n * k.width;
    F16 squares{}, products{};
    sweep(
        k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          const F16 value = io.load(x + i);
          squares += value * value;
          products += value * io.load(d_out + i) * (io.load(k.weight + i) + k.offset);
        });
    const auto width = static_cast<float>(k.width);
    const float inverse = 1.0F / std::sqrt(simd::sum(squares) / width + k.eps);
    const float slope = inverse * inverse * inverse * simd::sum(products) / width;
    sweep(
        k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          const F16 value = io.load(x + i), d = io.load(d_out + i);
          io.store(k.d_weight + i, io.load(k.d_weight + i) + d * value * inverse);
          F16 d_x = d * (io.load(k.weight + i) + k.offset) * inverse - value * slope;
          if (k.d_sum) d_x += io.load(k.d_sum + n * k.width + i);
          io.store(k.d_x + n * k.width + i, d_x);
        });
  }
}

POPE_INLINE F16 sigmoid(const F16& x) { return 1.0F / (1.0F + simd::exp(-x)); }

template <class T>
void run(const SwigluForward<T>& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const T *gate = k.gate_up + 2 * n * k.width, *up = gate + k.width;
    sweep(
        k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          const F16 g = io.load(gate + i);
          io.store(k.out + n * k.width + i, g * sigmoid(g) * io.load(up + i));
        });
  }
}

template <class T>
void run(const SwigluBackward<T>& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const T *gate = k.gate_up + 2 * n * k.width, *up = gate + k.width;
    T *d_gate = k.d_gate_up + 2 * n * k.width, *d_up = d_gate + k.width;
    sweep(
        k.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          const F16 g = io.load(gate + i), d = io.load(k.d_out + n * k.width + i), s = sigmoid(g);
          io.store(d_gate + i, d * io.load(up + i) * s * (1.0F + g * (1.0F - s)));
          io.store(d_up + i, d * g * s);
        });
  }
}

// 1 / sqrt(mean(x²) + eps) of one head.
template <class T>
POPE_INLINE float inverse_norm(const T* x, const HeadLayout& l) {
  F16 squares{};
  sweep(
      l.width, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
        const F16 value = io.load(x + i);
        squares += value * value;
      });
  return 1.0F / std::sqrt(simd::sum(squares) / static_cast<float>(l.width) + l.eps);
}

// One head: normed when `norm` is there, then rotated: (a, b) → (a cos − b sin, b cos + a sin).
template <class T>
POPE_INLINE void rotate(const T* x, const T* norm, const float* cos, const float* sin, const HeadLayout& l,
                        T* out) {
  const std::int64_t half = l.width / 2;
  const float inverse = norm ? inverse_norm(x, l) : 1.0F;
  sweep(
      half, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
        F16 a = io.load(x + i) * inverse, b = io.load(x + half + i) * inverse;
        if (norm) {
          a *= io.load(norm + i) + l.norm_offset;
          b *= io.load(norm + half + i) + l.norm_offset;
        }
        const F16 c = io.load(cos + i), s = io.load(sin + i);
        io.store(out + i, a * c - b * s);
        io.store(out + half + i, b * c + a * s);
      });
}

template <class T>
void run(const SplitHeads<T>& k, std::int64_t begin, std::int64_t end) {
  const auto& l = k.layout;
  const std::int64_t half = l.width / 2;
  for (std::int64_t n = begin; n < end; ++n) {
    const std::int64_t b = n / l.steps, t = n % l.steps, position = (l.starts ? l.starts[b] : 0) + t;
    const float *cos = l.cos + n * half, *sin = l.sin + n * half;
    const T* in = k.qkv + n * (l.heads + 2 * l.kv_heads) * l.width;
    for (std::int64_t h = 0; h < l.heads; ++h, in += l.width) {
      rotate(in, k.q_norm, cos, sin, l, k.q + ((b * l.heads + h) * l.steps + t) * l.width);
    }
    const std::int64_t at = b * l.kv_batch_stride + position * l.width;
    for (std::int64_t h = 0; h < l.kv_heads; ++h, in += l.width) {
      rotate(in, k.k_norm, cos, sin, l, k.k + at + h * l.kv_head_stride);
    }
    for (std::int64_t h = 0; h < l.kv_heads; ++h, in += l.width) {
      std::memcpy(k.v + at + h * l.kv_head_stride, in, static_cast<std::size_t>(l.width) * sizeof(T));
    }
  }
}

// The gradient of rotate(): turned back, then through the norm as in NormBackward.
template <class T>
POPE_INLINE void rotate_back(const T* x, const T* norm, const T* d, const float* cos, const float* sin,
                             const HeadLayout& l, T* d_x, float* d_norm) {
  const std::int64_t half = l.width / 2;
  const float inverse = norm ? inverse_norm(x, l) : 1.0F;
  F16 products{};
  if (norm) {
    sweep(
        half, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
          const F16 c = io.load(cos + i), s = io.load(sin + i), da = io.load(d + i),
                    db = io.load(d + half + i);
          const F16 first = (da * c + db * s) * io.load(x + i),
                    second = (db * c - da * s) * io.load(x + half + i);
          io.store(d_norm + i, io.load(d_norm + i) + first * inverse);
          io.store(d_norm + half + i, io.load(d_norm + half + i) + second * inverse);
          products += first * (io.load(norm + i) + l.norm_offset) +
                      second * (io.load(norm + half + i) + l.norm_offset);
        });
  }
  const float slope = inverse * inverse * inverse * simd::sum(products) / static_cast<float>(l.width);
  sweep(
      half, [&](std::int64_t i, auto io) __attribute__((always_inline)) {
        const F16 c = io.load(cos + i), s = io.load(sin + i), da = io.load(d + i), db = io.load(d + half + i);
        F16 first = da * c + db * s, second = db * c - da * s;
        if (norm) {
          first = first * (io.load(norm + i) + l.norm_offset) * inverse - io.load(x + i) * slope;
          second =
              second * (io.load(norm + half + i) + l.norm_offset) * inverse - io.load(x + half + i) * slope;
        }
        io.store(d_x + i, first);
        io.store(d_x + half + i, second);
      });
}

template <class T>
void run(const MergeHeads<T>& k, std::int64_t begin, std::int64_t end) {
  const auto& l = k.layout;
  const std::int64_t half = l.width / 2;
  for (std::int64_t n = begin; n < end; ++n) {
    const std::int64_t b = n / l.steps, t = n % l.steps;
    const float *cos = l.cos + n * half, *sin = l.sin + n * half;
    std::int64_t in = n * (l.heads + 2 * l.kv_heads) * l.width;
    for (std::int64_t h = 0; h < l.heads; ++h, in += l.width) {
      rotate_back(k.qkv + in, k.q_norm, k.d_q + ((b * l.heads + h) * l.steps + t) * l.width, cos, sin, l,
                  k.d_qkv + in, k.d_q_norm);
    }
    const std::int64_t at = b * l.kv_batch_stride + t * l.width;
    for (std::int64_t h = 0; h < l.kv_heads; ++h, in += l.width) {
      rotate_back(k.qkv + in, k.k_norm, k.d_k + at + h * l.kv_head_stride, cos, sin, l, k.d_qkv + in,
                  k.d_k_norm);
    }
    for (std::int64_t h = 0; h < l.kv_heads; ++h, in += l.width) {
      std::memcpy(k.d_qkv + in, k.d_v + at + h * l.kv_head_stride,
                  static_cast<std::size_t>(l.width) * sizeof(T));
    }
  }
}

void run(const LogprobForward& k, std::int64_t begin, std::int64_t end) {
  for (std::int64_t n = begin; n < end; ++n) {
    const float* z = k.logits + n * k.vocab;
    F16 tops = splat(-std::numeric_limits<float>::infinity());
    std::int64_t i = 0;
    for (; i + simd::kLanes <= k.vocab; i += simd::kLanes) tops = simd::max(tops, simd::load(z + i));
    float top = simd::largest(tops);
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
            product += simd::where_positive(e, e * y);
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
void run(const LogprobBackward<T>& k, std::int64_t begin, std::int64_t end) {
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
