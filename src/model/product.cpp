// bf16 × bf16 → f32. ATen's products on the CPU would round the result to bf16. With tiles (AMX):
// tile_product.h. With products of bf16 pairs (AVX-512 BF16): the kernel in this file. Otherwise: a product
// in f32. The kernel: hidden is packed in panels of up to 32 rows, a row per lane, as pairs of neighbouring
// columns [W/2][rows]. The embedding, the large operand, is read in place, 8 rows at a time, once per panel.
#include "model/product.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <vector>

#include "model/tile_product.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define POPE_BF16_PAIRS 1
#endif

namespace pope {
namespace {

#ifdef POPE_BF16_PAIRS

#define POPE_PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr std::int64_t kLanes = 16, kTile = 8, kBlock = 64;  // lanes; embedding rows per tile and per block

bool has_bf16_pairs() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16");
  return has;
}

// sums [8][P·16] = 8 rows of the embedding times one panel.
template <int P>
POPE_PAIRS inline void tile(const std::uint32_t* panel, const std::uint32_t* const (&rows)[kTile],
                            std::int64_t pairs, float* sums, std::int64_t stride) {
  __m512 sum[kTile][P];
#pragma GCC unroll 8
  for (int j = 0; j < kTile; ++j) {
    for (int p = 0; p < P; ++p) sum[j][p] = _mm512_setzero_ps();
  }
  for (std::int64_t k = 0; k < pairs; ++k) {
    __m512bh lanes[P];
    for (int p = 0; p < P; ++p) lanes[p] = (__m512bh)_mm512_loadu_si512(panel + (k * P + p) * kLanes);
#pragma GCC unroll 8
    for (int j = 0; j < kTile; ++j) {
      const auto pair = (__m512bh)_mm512_set1_epi32(static_cast<int>(rows[j][k]));
      for (int p = 0; p < P; ++p) sum[j][p] = _mm512_dpbf16_ps(sum[j][p], lanes[p], pair);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kTile; ++j) {
    for (int p = 0; p < P; ++p) _mm512_storeu_ps(sums + j * stride + p * kLanes, sum[j][p]);
  }
}

// One block of the embedding, rows v0 … v0 + 63, against all panels; transposed into logits [N,V].
template <int P>
POPE_PAIRS void block(const std::uint32_t* packed, const std::uint32_t* embedding, std::int64_t v0,
                      std::int64_t rows, std::int64_t vocab, std::int64_t pairs, float* logits) {
  constexpr std::int64_t kRows = P * kLanes;
  alignas(64) float sums[kBlock * kRows];
  const std::int64_t columns = std::min(kBlock, vocab - v0);
  for (std::int64_t m0 = 0; m0 < rows; m0 += kRows) {
    for (std::int64_t j0 = 0; j0 < columns; j0 += kTile) {
      const std::uint32_t* row[kTile];
      for (int j = 0; j < kTile; ++j) row[j] = embedding + std::min(v0 + j0 + j, vocab - 1) * pairs;
      tile<P>(packed + m0 * pairs, row, pairs, sums + j0 * kRows, kRows);
    }
    for (std::int64_t m = 0; m < std::min(kRows, rows - m0); ++m) {
      float* out = logits + (m0 + m) * vocab + v0;
      for (std::int64_t j = 0; j < columns; ++j) out[j] = sums[j * kRows + m];
    }
  }
}

void pair_product(at::Tensor& logits, const at::Tensor& hidden, const at::Tensor& embedding) {
  const std::int64_t rows = hidden.size(0), vocab = embedding.size(0), pairs = hidden.size(1) / 2;
  const bool narrow = rows <= kLanes;
  const auto packed = pack_pairs(hidden, narrow ? kLanes : 2 * kLanes);
  const auto* weights = reinterpret_cast<const std::uint32_t*>(embedding.const_data_ptr<c10::BFloat16>());
  at::parallel_for(0, (vocab + kBlock - 1) / kBlock, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      (narrow ? block<1> : block<2>)(packed.data(), weights, b * kBlock, rows, vocab, pairs,
                                     logits.data_ptr<float>());
    }
  });
}

#endif

}  // namespace

void head_product_out(at::Tensor& logits, const at::Tensor& hidden, const at::Tensor& embedding) {
  const auto wide = at::promoteTypes(hidden.scalar_type(), at::kFloat);
  const std::int64_t sizes[] = {hidden.size(0), embedding.size(0)};
  if (!logits.defined() || logits.sizes() != sizes) logits = at::empty(sizes, hidden.options().dtype(wide));
  if (has_tile_product(hidden, embedding)) return tile_product(hidden, embedding, {}, logits);
#ifdef POPE_BF16_PAIRS
  const bool pairs = hidden.scalar_type() == at::kBFloat16 && hidden.size(1) % 2 == 0;
  if (pairs && hidden.is_cpu() && has_bf16_pairs()) {
    pair_product(logits, hidden.contiguous(), embedding.contiguous());
    return;
  }
#endif
  if (hidden.is_cuda() && hidden.scalar_type() == at::kBFloat16) {
    at::mm_out(logits, hidden, embedding.t(), at::kFloat);  // cuBLAS sums and returns f32
    return;
  }
  at::mm_out(logits, hidden.to(wide), embedding.to(wide).t());
}

at::Tensor head_product(const at::Tensor& hidden, const at::Tensor& embedding) {
  at::Tensor logits;
  head_product_out(logits, hidden, embedding);
  return logits;
}

at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  constexpr std::int64_t kFew = 128;  // with more rows oneDNN is faster, although it reorders the weights
  if (c10::GradMode::is_enabled() || x.size(0) > kFew || !has_tile_product(x, weight))
    return at::linear(x, weight, bias);
  auto out = at::empty({x.size(0), weight.size(0)}, x.options());
  tile_product(x, weight, bias, out);
  return out;
}

}  // namespace pope
