// Dot products of bf16 pairs (AVX-512 BF16), in two layouts. Up to 8 rows of x: along the depth, 16 sums at a
// time, x in place, so that one row decodes as fast as memory gives the weights. More rows: x is packed in
// panels of 16 or 32 rows, a row per lane (pack_pairs.h), and pairs of weights are broadcast; the result is
// transposed, 16 columns at a time.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "model/dots.h"
#include "model/few_rows.h"
#include "model/pack_pairs.h"
#include "model/simd.h"
#include "model/transpose-inl.h"

#ifdef POPE_SEVERAL_PROCESSORS
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4,avx512bf16")
#define POPE_VECTOR_BYTES 64
namespace pope::kernels::bf16_pairs {
namespace {
#include "model/simd-inl.h"
// This one uses simd-inl.h.
#include "model/dots-inl.h"

using simd::F16, simd::kLanes;

// Pairs of bf16.
struct Pairs {
  static constexpr std::int64_t kDepth = 2 * kLanes;
  typedef __m512bh Part;
  static POPE_INLINE Part load(const c10::BFloat16* p) { return (__m512bh)_mm512_loadu_si512(p); }
  static POPE_INLINE void add(F16& sum, const Part& weights, const Part& x) {
    sum = (F16)_mm512_dpbf16_ps((__m512)sum, weights, x);
  }
};

template <class T>
using Operands = Matrices<c10::BFloat16, c10::BFloat16, T>;

// sums [R][P·16] = R rows of the weights times one panel of P·16 rows.
template <int P, int R>
POPE_INLINE void tile(const std::uint32_t* panel, const c10::BFloat16* const (&w)[R], std::int64_t pairs,
                      std::int64_t ahead, float* sums) {
  F16 sum[R][P] = {};
  for (std::int64_t k = 0; k < pairs; ++k) {
    __m512bh lanes[P];
    for (int p = 0; p < P; ++p) lanes[p] = (__m512bh)_mm512_loadu_si512(panel + (k * P + p) * kLanes);
    if (ahead != 0 && k % kLanes == 0) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) __builtin_prefetch(w[r] + 2 * (k + ahead));
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      std::int32_t pair;
      std::memcpy(&pair, w[r] + 2 * k, sizeof pair);
      const auto pairs_of_weights = (__m512bh)_mm512_set1_epi32(pair);
      for (int p = 0; p < P; ++p) Pairs::add(sum[r][p], lanes[p], pairs_of_weights);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    for (int p = 0; p < P; ++p) simd::store(sums + (r * P + p) * kLanes, sum[r][p]);
  }
}

// Columns c0 … c0 + 15 of one panel's rows, m0 on.
template <int P, class T>
POPE_INLINE void sixteen_columns(const Operands<T>& o, const std::uint32_t* packed, std::int64_t m0,
                                 std::int64_t c0) {
  constexpr int kTogether = 16 / P;  // columns
  const std::int64_t pairs = o.depth / 2, n = std::min(kLanes, o.columns - c0);
  float sums[kLanes][P][kLanes];
  for (int j = 0; j < kLanes; j += kTogether) {
    const c10::BFloat16* w[kTogether];
    for (int r = 0; r < kTogether; ++r) w[r] = o.weight + std::min(c0 + j + r, o.columns - 1) * o.depth;
    tile<P, kTogether>(packed + m0 * pairs, w, pairs, m0 == 0 ? kTogether * pairs : 0, sums[j][0]);
  }
  const F16 bias = o.bias != nullptr ? simd::load(o.bias + c0, n) : F16{};
  for (std::int64_t p = 0; p < P; ++p) {
    F16 v[kLanes];
    for (int j = 0; j < kLanes; ++j) v[j] = simd::load(sums[j][p]);
    transpose(v);
    for (std::int64_t r = 0; r < std::min(kLanes, o.rows - m0 - p * kLanes); ++r) {
      T* out = o.out + (m0 + p * kLanes + r) * o.columns + c0;
      n == kLanes ? simd::store(out, v[r] + bias) : simd::store(out, v[r] + bias, n);
    }
  }
}

// Columns c0 … c1 − 1; a panel stays in the first-level cache for all of them.
template <int P, class T>
void columns_by_tiles(const Operands<T>& o, const std::uint32_t* packed, std::int64_t c0, std::int64_t c1) {
  for (std::int64_t m = 0; m < o.rows; m += P * kLanes) {
    for (std::int64_t c = c0; c < c1; c += kLanes) sixteen_columns<P>(o, packed, m, c);
  }
}

// `packed` is x in panels, or nothing.
template <class T>
void columns(const Operands<T>& o, const std::uint32_t* packed, std::int64_t c0, std::int64_t c1) {
  if (o.rows == 1) return columns_by_dots<Pairs, 8, 1, 2>(o, c0, c1);
  if (o.rows == 2) return columns_by_dots<Pairs, 8, 2, 1>(o, c0, c1);
  if (packed == nullptr) return columns_by_dots<Pairs, 4, 4, 1>(o, c0, c1);
  if (o.rows <= kLanes) return columns_by_tiles<1>(o, packed, c0, c1);
  columns_by_tiles<2>(o, packed, c0, c1);
}

}  // namespace
}  // namespace pope::kernels::bf16_pairs
#undef POPE_VECTOR_BYTES
#pragma GCC pop_options

namespace pope {
namespace {

constexpr std::int64_t kDots = 8;      // rows up to which x stays in place
constexpr std::int64_t kColumns = 64;  // a piece of work

bool fits(const at::Tensor& x, const at::Tensor& weight) {
  static const bool has = __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16");
  return has && x.size(1) % 32 == 0 && are_bf16(x, weight);
}

template <class T>
void run_as(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out) {
  std::vector<std::uint32_t> packed;
  if (x.size(0) > kDots) packed = pack_pairs(x, x.size(0) <= 16 ? 16 : 32);
  const kernels::bf16_pairs::Operands<T> operands{
      x.const_data_ptr<c10::BFloat16>(),
      weight.const_data_ptr<c10::BFloat16>(),
      bias.defined() ? bias.const_data_ptr<c10::BFloat16>() : nullptr,
      x.size(0),
      x.size(1),
      weight.size(0),
      out.data_ptr<T>()};
  const std::int64_t pieces = (operands.columns + kColumns - 1) / kColumns;
  at::parallel_for(0, pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t piece = begin; piece < end; ++piece) {
      kernels::bf16_pairs::columns(operands, packed.empty() ? nullptr : packed.data(), piece * kColumns,
                                   std::min((piece + 1) * kColumns, operands.columns));
    }
  });
}

void run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out) {
  out.scalar_type() == at::kFloat ? run_as<float>(x, weight, bias, out)
                                  : run_as<c10::BFloat16>(x, weight, bias, out);
}

#else

namespace pope {
namespace {

bool fits(const at::Tensor&, const at::Tensor&) { return false; }
void run(const at::Tensor&, const at::Tensor&, const at::Tensor&, at::Tensor&) {}

#endif

}  // namespace

constinit const FewRowsProduct pair_product{"pairs (AVX-512 BF16)", fits, run, 128, 0, kAnyNumber};

}  // namespace pope
