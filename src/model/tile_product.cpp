// A tile holds 16 rows of 32 bf16. The weights are the left operand: their rows already have a tile's layout
// and are read in place. x, the small operand, is packed as the right one. So the result is transposed; it is
// turned back in registers, 32 columns at a time.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "model/few_rows.h"
#include "model/pack_pairs.h"
#include "model/simd.h"
#include "model/transpose-inl.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#define POPE_TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#endif
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions only

namespace pope {
namespace {

#ifdef POPE_TILES

constexpr std::int64_t kTile = 16;
constexpr std::int64_t kDepth = 32, kColumns = 2 * kTile;  // columns of the result at a time

// Linux lets a process use tiles only after a request.
bool has_tiles() {
  static const bool has = [] {
    constexpr unsigned kBf16 = 1U << 22, kTiles = 1U << 24;  // of EDX
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBf16) != 0 && (d & kTiles) != 0 &&
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16") &&
           syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return has;
}

// Configures eight full tiles for a scope. The previous configuration is restored: oneDNN relies on its own.
class Tiles {
 public:
  POPE_TILES Tiles() {
    _tile_storeconfig(&before_);
    load(&kWhole);
  }
  POPE_TILES ~Tiles() { load(&before_); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(64) Config {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
  // The barrier is needed because GCC's intrinsic declares only the first eight bytes as read.
  POPE_TILES static void load(const Config* config) {
    asm volatile("" : : : "memory");
    _tile_loadconfig(config);
  }
  static const Config kWhole;
  Config before_;
};
const Tiles::Config Tiles::kWhole;

POPE_TILES inline void put(float* out, const Lanes16& v) { _mm512_storeu_ps(out, (__m512)v); }
POPE_TILES inline void put(c10::BFloat16* out, const Lanes16& v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), (__m256i)_mm512_cvtneps_pbh((__m512)v));
}

POPE_TILES inline Lanes16 get(const float* p) { return (Lanes16)_mm512_loadu_ps(p); }
POPE_TILES inline Lanes16 get(const c10::BFloat16* p) {
  typedef std::uint16_t Half __attribute__((vector_size(32)));
  typedef std::uint32_t Word __attribute__((vector_size(64)));
  Half half;
  std::memcpy(&half, p, sizeof half);
  return (Lanes16)(__builtin_convertvector(half, Word) << 16);
}

struct Operands {
  const std::uint32_t* packed;
  const c10::BFloat16 *weight, *bias;
  std::int64_t rows, depth, columns;
};

// Columns c0 … c0 + 31 of rows m0 … m0 + P·16 − 1. In the first panel it prefetches the next call's weights.
template <int P, class T>
POPE_TILES void block(const Operands& o, std::int64_t m0, std::int64_t c0, T* out) {
  constexpr std::int64_t kRows = P * kTile;
  const std::uint32_t* panel = o.packed + m0 * (o.depth / 2);
  const c10::BFloat16* weight = o.weight + c0 * o.depth;
  const char* next = reinterpret_cast<const char*>(weight + kColumns * o.depth);
  const std::int64_t stride = o.depth * 2;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (std::int64_t k = 0; k < o.depth; k += kDepth) {
    _tile_loadd(4, weight + k, stride);
    _tile_loadd(5, weight + kTile * o.depth + k, stride);
    _tile_loadd(6, panel + k / 2 * kRows, kRows * 4);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 5, 6);
    if constexpr (P == 2) {
      _tile_loadd(7, panel + k / 2 * kRows + kTile, kRows * 4);
      _tile_dpbf16ps(2, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
    if (m0 == 0) {
      for (int line = 0; line < 32; ++line) _mm_prefetch(next + 64 * (k + line), _MM_HINT_T1);
    }
  }
  alignas(64) float sums[P][kColumns][kTile];
  _tile_stored(0, sums[0][0], 64);
  _tile_stored(1, sums[0][kTile], 64);
  if constexpr (P == 2) {
    _tile_stored(2, sums[1][0], 64);
    _tile_stored(3, sums[1][kTile], 64);
  }
  for (int p = 0; p < P; ++p) {
    const std::int64_t rows = std::min(kTile, o.rows - m0 - p * kTile);
    for (std::int64_t c = 0; c < kColumns && rows > 0; c += kTile) {
      Lanes16 v[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) v[i] = get(sums[p][c + i]);
      transpose(v);
      const Lanes16 bias = o.bias ? get(o.bias + c0 + c) : Lanes16{};
      for (std::int64_t r = 0; r < rows; ++r)
        put(out + (m0 + p * kTile + r) * o.columns + c0 + c, v[r] + bias);
    }
  }
}

template <class T>
void product(const Operands& o, T* out) {
  at::parallel_for(0, o.columns / kColumns, 1, [&](std::int64_t begin, std::int64_t end) {
    const Tiles tiles;
    for (std::int64_t c0 = begin * kColumns; c0 < end * kColumns; c0 += kColumns) {
      if (o.rows <= kTile) {
        block<1>(o, 0, c0, out);
      } else {
        for (std::int64_t m0 = 0; m0 < o.rows; m0 += 2 * kTile) block<2>(o, m0, c0, out);
      }
    }
  });
}

bool fits(const at::Tensor& x, const at::Tensor& weight) {
  return x.size(1) % kDepth == 0 && weight.size(0) % kColumns == 0 && are_bf16(x, weight) && has_tiles();
}

void run(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out) {
  const auto packed = pack_pairs(x, x.size(0) <= kTile ? kTile : 2 * kTile);
  const Operands o{packed.data(),
                   weight.const_data_ptr<c10::BFloat16>(),
                   bias.defined() ? bias.const_data_ptr<c10::BFloat16>() : nullptr,
                   x.size(0),
                   x.size(1),
                   weight.size(0)};
  if (out.scalar_type() == at::kFloat) {
    product(o, out.data_ptr<float>());
  } else {
    product(o, out.data_ptr<c10::BFloat16>());
  }
}

#else

bool fits(const at::Tensor&, const at::Tensor&) { return false; }
void run(const at::Tensor&, const at::Tensor&, const at::Tensor&, at::Tensor&) {}

#endif

}  // namespace

// With more rows oneDNN is faster, although it reorders the weights.
constinit const FewRowsProduct tile_product{"tiles (AMX)", fits, run, 128, 0, kAnyNumber};

}  // namespace pope
