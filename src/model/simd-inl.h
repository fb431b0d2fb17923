// Vectors of sixteen floats: arithmetic in f32, memory in f32 or bf16. Included by each_processor.h, in a
// namespace per instruction set. A vector is one register of POPE_VECTOR_BYTES, or pairs of halves down to
// such registers: a compiler keeps those in registers, and vectors wider than a register in memory.

namespace simd {

constexpr std::int64_t kLanes = 16;

// A register: the compiler's vector of so many floats, and whole numbers beside it.
template <int N>
struct Register {
  typedef float Float __attribute__((vector_size(4 * N)));
  typedef std::int32_t Int __attribute__((vector_size(4 * N)));
  typedef std::uint32_t Unsigned __attribute__((vector_size(4 * N)));
  typedef std::uint16_t Half __attribute__((vector_size(2 * N)));
};
typedef Register<4>::Float F4;
typedef Register<8>::Float F8;

template <class V>
struct Pair {
  V low, high;
};
#if POPE_VECTOR_BYTES == 64
typedef Register<16>::Float F16;
#elif POPE_VECTOR_BYTES == 32
typedef Pair<F8> F16;
#else
typedef Pair<Pair<F4>> F16;
#endif

#define POPE_OPERATOR(op)                                               \
  template <class V>                                                    \
  POPE_INLINE Pair<V> operator op(const Pair<V>& a, const Pair<V>& b) { \
    return {a.low op b.low, a.high op b.high};                          \
  }                                                                     \
  template <class V>                                                    \
  POPE_INLINE Pair<V> operator op(const Pair<V>& a, float b) {          \
    return {a.low op b, a.high op b};                                   \
  }                                                                     \
  template <class V>                                                    \
  POPE_INLINE Pair<V> operator op(float a, const Pair<V>& b) {          \
    return {a op b.low, a op b.high};                                   \
  }                                                                     \
  template <class V, class Other>                                       \
  POPE_INLINE Pair<V>& operator op##=(Pair<V>& a, const Other& b) {     \
    return a = a op b;                                                  \
  }
POPE_OPERATOR(+)
POPE_OPERATOR(-)
POPE_OPERATOR(*)
POPE_OPERATOR(/)
#undef POPE_OPERATOR
template <class V>
POPE_INLINE Pair<V> operator-(const Pair<V>& a) {
  return {-a.low, -a.high};
}

// Registers by their number of lanes, pairs by halves. `Of<V>` says which is wanted.
template <class V>
struct Of {
  static constexpr int kSize = sizeof(V) / 4;
  typedef Register<kSize> R;

  static POPE_INLINE V load(const float* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static POPE_INLINE V load(const c10::BFloat16* p) {
    typename R::Half h;
    std::memcpy(&h, p, sizeof h);
    return (V)(__builtin_convertvector(h, typename R::Unsigned) << 16);
  }
  static POPE_INLINE void store(float* p, const V& v) { std::memcpy(p, &v, sizeof v); }
  // Rounds to nearest even; NaN stays NaN.
  static POPE_INLINE void store(c10::BFloat16* p, const V& v) {
    typedef typename R::Unsigned U;
    const U bits = (U)v;
    const U rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const auto h = __builtin_convertvector(v != v ? U{} + 0x7fc0u : rounded, typename R::Half);
    std::memcpy(p, &h, sizeof h);
  }
  static POPE_INLINE V max(const V& a, const V& b) { return a > b ? a : b; }
  // a where x > 0, else 0.
  static POPE_INLINE V where_positive(const V& x, const V& a) { return x > 0.0F ? a : V{}; }
  // The first n lanes; the others become zero.
  static POPE_INLINE V keep(const V& v, std::int64_t n) {
    typename R::Int lane;
    for (int i = 0; i < kSize; ++i) lane[i] = i;
    return lane < static_cast<std::int32_t>(n) ? v : V{};
  }
  // See simd::exp.
  static POPE_INLINE V exp(const V& x) {
    typedef typename R::Int I;
    const V magic = V{} + 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer
    const V low = x < -87.3F ? V{} - 87.3F : x, clamped = low > 88.0F ? V{} + 88.0F : low;
    const V shifted = clamped * 1.44269504088896341F + magic;
    const V n = shifted - magic;
    const V r = clamped - n * 0.693359375F + n * 2.12194440e-4F;
    V p = V{} + 1.0F / 5040;
    p = p * r + 1.0F / 720;
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    const V power = (V)(((I)shifted << 23) + 0x3f800000);
    return x < -87.3F ? V{} : p * power;
  }
};
template <class V>
struct Of<Pair<V>> {
  static constexpr int kSize = 2 * Of<V>::kSize, kHalf = Of<V>::kSize;

  template <class T>
  static POPE_INLINE Pair<V> load(const T* p) {
    return {Of<V>::load(p), Of<V>::load(p + kHalf)};
  }
  template <class T>
  static POPE_INLINE void store(T* p, const Pair<V>& v) {
    Of<V>::store(p, v.low);
    Of<V>::store(p + kHalf, v.high);
  }
  static POPE_INLINE Pair<V> max(const Pair<V>& a, const Pair<V>& b) {
    return {Of<V>::max(a.low, b.low), Of<V>::max(a.high, b.high)};
  }
  static POPE_INLINE Pair<V> where_positive(const Pair<V>& x, const Pair<V>& a) {
    return {Of<V>::where_positive(x.low, a.low), Of<V>::where_positive(x.high, a.high)};
  }
  static POPE_INLINE Pair<V> keep(const Pair<V>& v, std::int64_t n) {
    return {Of<V>::keep(v.low, n), Of<V>::keep(v.high, n - kHalf)};
  }
  static POPE_INLINE Pair<V> exp(const Pair<V>& x) { return {Of<V>::exp(x.low), Of<V>::exp(x.high)}; }
};

POPE_INLINE F16 splat(float x) { return F16{} + x; }
template <class T>
POPE_INLINE F16 load(const T* p) {
  return Of<F16>::load(p);
}
template <class T>
POPE_INLINE void store(T* p, const F16& v) {
  Of<F16>::store(p, v);
}

// The halves of a vector.
POPE_INLINE F4 low(const F8& v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3); }
POPE_INLINE F4 high(const F8& v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7); }
#if POPE_VECTOR_BYTES == 64
typedef F8 HalfOfF16;
POPE_INLINE F8 low(const F16& v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
POPE_INLINE F8 high(const F16& v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
POPE_INLINE F16 widened(const F8& v) {
  return __builtin_shufflevector(v, F8{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
#else
typedef decltype(F16::low) HalfOfF16;
template <class V>
POPE_INLINE V low(const Pair<V>& v) {
  return v.low;
}
template <class V>
POPE_INLINE V high(const Pair<V>& v) {
  return v.high;
}
POPE_INLINE F16 widened(const HalfOfF16& v) { return {v, HalfOfF16{}}; }
#endif

// The first n < 16 lanes; the others read as zero.
template <class T>
POPE_INLINE F16 load(const T* p, std::int64_t n) {
  if (n == 8) return widened(Of<HalfOfF16>::load(p));
  T lanes[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return simd::load(lanes);
}
template <class T>
POPE_INLINE void store(T* p, const F16& v, std::int64_t n) {
  if (n == 8) return Of<HalfOfF16>::store(p, low(v));
  T lanes[kLanes];
  simd::store(lanes, v);
  for (std::int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// Calls body(i, io) for i = 0, 16, … < n. io.load and io.store move only the lanes below n (others read as
// zero), and io.keep sets the other lanes to zero.
struct Whole {
  template <class T>
  POPE_INLINE F16 load(const T* p) const {
    return simd::load(p);
  }
  template <class T>
  POPE_INLINE void store(T* p, const F16& v) const {
    simd::store(p, v);
  }
  POPE_INLINE F16 keep(const F16& v) const { return v; }
};
struct Part {
  std::int64_t n;
  template <class T>
  POPE_INLINE F16 load(const T* p) const {
    return simd::load(p, n);
  }
  template <class T>
  POPE_INLINE void store(T* p, const F16& v) const {
    simd::store(p, v, n);
  }
  POPE_INLINE F16 keep(const F16& v) const { return Of<F16>::keep(v, n); }
};
template <class Body>
POPE_INLINE void sweep(std::int64_t n, const Body& body) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Whole{});
  if (i < n) body(i, Part{n - i});
}

POPE_INLINE float sum(const F4& v) { return (v[0] + v[2]) + (v[1] + v[3]); }
template <class V>
POPE_INLINE float sum(const V& v) {
  return sum(low(v) + high(v));
}

// The same for eight vectors.
#if POPE_VECTOR_BYTES == 64
POPE_INLINE F16 sums(const F16 (&v)[16]) {
  F16 a[8], b[4], c[2];
  for (int i = 0; i < 8; ++i) {
    a[i] =
        __builtin_shufflevector(v[i], v[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
        __builtin_shufflevector(v[i], v[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
  for (int i = 0; i < 4; ++i) {
    b[i] =
        __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +
        __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
  for (int i = 0; i < 2; ++i) {
    c[i] =
        __builtin_shufflevector(b[i], b[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
        __builtin_shufflevector(b[i], b[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
  return __builtin_shufflevector(c[0], c[1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
         __builtin_shufflevector(c[0], c[1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
}
#elif POPE_VECTOR_BYTES == 32
// Lane i of the result is the sum of the lanes of v[i].
POPE_INLINE F8 sums_of_eight(const F16* v) {
  F8 a[8], b[4], c[2];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) a[i] = v[i].low + v[i].high;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    c[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13) +
           __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  return __builtin_shufflevector(c[0], c[1], 0, 8, 2, 10, 4, 12, 6, 14) +
         __builtin_shufflevector(c[0], c[1], 1, 9, 3, 11, 5, 13, 7, 15);
}
POPE_INLINE F16 sums(const F16 (&v)[16]) { return {sums_of_eight(v), sums_of_eight(v + 8)}; }
#else
POPE_INLINE F16 sums(const F16 (&v)[16]) {
  float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i) lanes[i] = sum(v[i]);
  return simd::load(lanes);
}
#endif

POPE_INLINE F16 max(const F16& a, const F16& b) { return Of<F16>::max(a, b); }
POPE_INLINE float largest(const F4& v) {
  const float x = v[0] > v[1] ? v[0] : v[1], y = v[2] > v[3] ? v[2] : v[3];
  return x > y ? x : y;
}
template <class V>
POPE_INLINE float largest(const V& v) {
  return largest(Of<decltype(low(v))>::max(low(v), high(v)));
}

// a where x > 0, else 0.
POPE_INLINE F16 where_positive(const F16& x, const F16& a) { return Of<F16>::where_positive(x, a); }

// exp(x) within 2 units in the last place; 0 below −87.3, exp(88) above 88, NaN for NaN.
// x = n ln 2 + r with |r| ≤ ln 2 / 2; exp(r) by its Taylor polynomial of degree 7, whose rest is below 2^-27.
POPE_INLINE F16 exp(const F16& x) { return Of<F16>::exp(x); }

}  // namespace simd
