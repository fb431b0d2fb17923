// The kernels of row_product.cpp: dot products along the depth, several rows of the weights at a time, so that each weight
// is read, and widened, once for several rows of x.
using simd::F16, simd::kLanes;

#if POPE_VECTOR_BYTES == 64
constexpr int kSums = 16;  // as many as the registers hold
#else
constexpr int kSums = 4;
#endif

POPE_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 3); }

// The products of R rows of the weights and N rows of x, U chains of sums each: sums[(r·N + n)·U + chain].
template <int R, int N, int U, class W>
POPE_INLINE void dots(const W* const (&w)[R], const float* const (&x)[N], std::int64_t depth, std::int64_t ahead,
                      float (&sums)[R * N * U]) {
  F16 sum[R * N * U] = {};
  const auto step = [&](std::int64_t k, int chain) __attribute__((always_inline)) {
    F16 part[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) part[n] = simd::load(x[n] + k);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const F16 weights = simd::load(w[r] + k);
      if (ahead != 0) prefetch(w[r] + k + ahead);
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) sum[(r * N + n) * U + chain] += weights * part[n];
    }
  };
  std::int64_t k = 0;
  for (; k + kLanes * U <= depth; k += kLanes * U) {
#pragma GCC unroll 4
    for (int chain = 0; chain < U; ++chain) step(k + kLanes * chain, chain);
  }
  for (; k < depth; k += kLanes) step(k, 0);
#pragma GCC unroll 16
  for (int i = 0; i < R * N * U; ++i) sums[i] = simd::sum(sum[i]);
}

// Columns c0 … c1 − 1, R at a time, of all rows, N at a time. The last rows and columns are computed once more in place of
// those that are not there.
template <int R, int N, class W, class T>
void columns_of(const RowProduct<W, T>& o, std::int64_t c0, std::int64_t c1) {
  constexpr int U = kSums / (R * N);
  for (std::int64_t c = c0; c < c1; c += R) {
    const W* w[R];
    for (int r = 0; r < R; ++r) w[r] = o.weight + std::min(c + r, c1 - 1) * o.depth;
    for (std::int64_t m = 0; m < o.rows; m += N) {
      const float* x[N];
      for (int n = 0; n < N; ++n) x[n] = o.x + std::min(m + n, o.rows - 1) * o.depth;
      float sums[kSums];
      dots<R, N, U>(w, x, o.depth, m == 0 ? R * o.depth : 0, sums);
      for (std::int64_t n = 0; n < std::min<std::int64_t>(N, o.rows - m); ++n) {
        for (std::int64_t r = 0; r < std::min<std::int64_t>(R, c1 - c); ++r) {
          float sum = o.bias != nullptr ? static_cast<float>(o.bias[c + r]) : 0.0F;
          for (int chain = 0; chain < U; ++chain) sum += sums[(r * N + n) * U + chain];
          o.out[(m + n) * o.columns + c + r] = static_cast<T>(sum);
        }
      }
    }
  }
}

template <class W, class T>
void run(const RowProduct<W, T>& o, std::int64_t begin, std::int64_t end) {
  if (o.rows == 1) return columns_of<4, 1>(o, begin, end);
#if POPE_VECTOR_BYTES == 64
  if (o.rows == 2) return columns_of<4, 2>(o, begin, end);
  columns_of<4, 4>(o, begin, end);
#else
  columns_of<2, 2>(o, begin, end);
#endif
}
