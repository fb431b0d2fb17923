// Vectors of sixteen floats, for loops that are no single ATen operation: arithmetic in f32, memory in f32 or
// bf16. Written with the compiler's vector extension. POPE_CLONES compiles a function for several instruction
// sets, and the loader picks the best that the machine has; with other compilers it is compiled once.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions only

#define POPE_INLINE inline __attribute__((always_inline))
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define POPE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define POPE_CLONES
#endif

namespace pope::simd {

constexpr std::int64_t kLanes = 16;
typedef float F16 __attribute__((vector_size(64)));
typedef float F8 __attribute__((vector_size(32)));
typedef float F4 __attribute__((vector_size(16)));
typedef std::uint32_t U16 __attribute__((vector_size(64)));
typedef std::int32_t I16 __attribute__((vector_size(64)));
typedef std::uint16_t H16 __attribute__((vector_size(32)));
typedef std::uint16_t H8 __attribute__((vector_size(16)));
typedef std::uint32_t U8 __attribute__((vector_size(32)));

POPE_INLINE F16 splat(float x) { return F16{} + x; }

POPE_INLINE F16 load(const float* p) {
  F16 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
POPE_INLINE F16 load(const c10::BFloat16* p) {
  H16 h;
  std::memcpy(&h, p, sizeof h);
  return (F16)(__builtin_convertvector(h, U16) << 16);
}
POPE_INLINE void store(float* p, const F16& v) { std::memcpy(p, &v, sizeof v); }
// Rounds to nearest even; NaN stays NaN.
POPE_INLINE void store(c10::BFloat16* p, const F16& v) {
  const U16 bits = (U16)v;
  const U16 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const H16 h = __builtin_convertvector(v != v ? U16{} + 0x7fc0u : rounded, H16);
  std::memcpy(p, &h, sizeof h);
}

// Eight lanes; the upper ones are zero.
POPE_INLINE F16 load8(const float* p) {
  F8 v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_shufflevector(v, F8{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
POPE_INLINE F16 load8(const c10::BFloat16* p) {
  H8 h;
  std::memcpy(&h, p, sizeof h);
  const F8 v = (F8)(__builtin_convertvector(h, U8) << 16);
  return __builtin_shufflevector(v, F8{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
POPE_INLINE void store8(float* p, const F16& v) {
  const F8 low = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
  std::memcpy(p, &low, sizeof low);
}
POPE_INLINE void store8(c10::BFloat16* p, const F16& v) {
  c10::BFloat16 lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, 8 * sizeof *p);
}

// The first n < 16 lanes; the others read as zero.
template <class T>
POPE_INLINE F16 load(const T* p, std::int64_t n) {
  if (n == 8) return load8(p);
  T lanes[kLanes] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <class T>
POPE_INLINE void store(T* p, const F16& v, std::int64_t n) {
  if (n == 8) return store8(p, v);
  T lanes[kLanes];
  store(lanes, v);
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
  POPE_INLINE F16 keep(const F16& v) const {
    const I16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return lane < static_cast<std::int32_t>(n) ? v : F16{};
  }
};
template <class Body>
POPE_INLINE void sweep(std::int64_t n, const Body& body) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Whole{});
  if (i < n) body(i, Part{n - i});
}

POPE_INLINE float sum(const F16& v) {
  const F8 a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
               __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const F4 b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  return (b[0] + b[2]) + (b[1] + b[3]);
}
// Lane i of the result is the sum of the lanes of v[i].
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
POPE_INLINE F16 max(const F16& a, const F16& b) { return a > b ? a : b; }
POPE_INLINE float max(const F16& v) {
  const F8 upper = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const F8 lower = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), a = lower > upper ? lower : upper;
  const F4 low = __builtin_shufflevector(a, a, 0, 1, 2, 3), high = __builtin_shufflevector(a, a, 4, 5, 6, 7);
  const F4 b = low > high ? low : high;
  const float x = b[0] > b[1] ? b[0] : b[1], y = b[2] > b[3] ? b[2] : b[3];
  return x > y ? x : y;
}

// exp(x) within 2 units in the last place; 0 below −87.3, exp(88) above 88, NaN for NaN.
// x = n ln 2 + r with |r| ≤ ln 2 / 2; exp(r) by its Taylor polynomial of degree 7, whose rest is below 2^-27.
POPE_INLINE F16 exp(const F16& x) {
  const F16 magic = splat(12582912.0F);  // 1.5 · 2^23: adding it rounds to an integer
  const F16 low = x < -87.3F ? splat(-87.3F) : x, clamped = low > 88.0F ? splat(88.0F) : low;
  const F16 shifted = clamped * 1.44269504088896341F + magic;
  const F16 n = shifted - magic;
  const F16 r = clamped - n * 0.693359375F + n * 2.12194440e-4F;
  F16 p = splat(1.0F / 5040);
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const F16 power = (F16)(((I16)shifted << 23) + 0x3f800000);
  return x < -87.3F ? F16{} : p * power;
}

}  // namespace pope::simd
