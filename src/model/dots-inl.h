// Products by sums along the depth, with x and the weights where they lie. Included once per instruction set,
// behind simd-inl.h and dots.h.

// The products of R rows of the weights and N rows of x, by U chains of sums each: sums[(r·N + n)·U + chain].
// The weights `ahead` of these come into the cache meanwhile. A Step multiplies kDepth values at a time:
// Step::load(pointer) gives them, Step::add(sum, weights, x) adds their products. The depth is a multiple of
// kDepth.
template <class Step, int R, int N, int U, class X, class W>
POPE_INLINE void dots(const W* const (&w)[R], const X* const (&x)[N], std::int64_t depth, std::int64_t ahead,
                      float (&sums)[R * N * U]) {
  simd::F16 sum[R * N * U] = {};
  const auto step = [&](std::int64_t k, int chain) __attribute__((always_inline)) {
    typename Step::Part part[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) part[n] = Step::load(x[n] + k);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const typename Step::Part weights = Step::load(w[r] + k);
      if (ahead != 0) __builtin_prefetch(w[r] + k + ahead);
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) Step::add(sum[(r * N + n) * U + chain], weights, part[n]);
    }
  };
  std::int64_t k = 0;
  for (; k + Step::kDepth * U <= depth; k += Step::kDepth * U) {
#pragma GCC unroll 4
    for (int chain = 0; chain < U; ++chain) step(k + Step::kDepth * chain, chain);
  }
  for (; k < depth; k += Step::kDepth) step(k, 0);
  if constexpr (R * N * U == simd::kLanes) {
    simd::store(sums, simd::sums(sum));
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < R * N * U; ++i) sums[i] = simd::sum(sum[i]);
  }
}

// Columns c0 … c1 − 1, R at a time, of all rows, N at a time. The last rows and columns are computed once
// more in place of those that are not there.
template <class Step, int R, int N, int U, class X, class W, class T>
void columns_by_dots(const Matrices<X, W, T>& m, std::int64_t c0, std::int64_t c1) {
  for (std::int64_t c = c0; c < c1; c += R) {
    const W* w[R];
    for (int r = 0; r < R; ++r) w[r] = m.weight + std::min(c + r, c1 - 1) * m.depth;
    for (std::int64_t row = 0; row < m.rows; row += N) {
      const X* x[N];
      for (int n = 0; n < N; ++n) x[n] = m.x + std::min(row + n, m.rows - 1) * m.depth;
      float sums[R * N * U];
      dots<Step, R, N, U>(w, x, m.depth, row == 0 ? R * m.depth : 0, sums);
      for (std::int64_t n = 0; n < std::min<std::int64_t>(N, m.rows - row); ++n) {
        for (std::int64_t r = 0; r < std::min<std::int64_t>(R, c1 - c); ++r) {
          float sum = m.bias != nullptr ? static_cast<float>(m.bias[c + r]) : 0.0F;
          for (int chain = 0; chain < U; ++chain) sum += sums[(r * N + n) * U + chain];
          m.out[(row + n) * m.columns + c + r] = static_cast<T>(sum);
        }
      }
    }
  }
}
