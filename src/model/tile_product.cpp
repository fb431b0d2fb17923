// A tile holds 16 rows of 32 bf16. The weights are the left operand: their rows already have a tile's layout
// and are read in place. x, the small operand, is packed as the right one. So the result is transposed; it is
// turned back in registers, 32 columns at a time.
#include "model/tile_product.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "model/simd.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#define POPE_TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#endif
#ifdef POPE_SEVERAL_PROCESSORS
#define POPE_CLONES __attribute__((target_clones("arch=x86-64-v4", "default")))
#else
#define POPE_CLONES
#endif
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions only

namespace pope {

namespace {

typedef float F16 __attribute__((vector_size(64)));

constexpr std::int64_t kTile = 16;

// Transposes a square of 16 × 16 values of 32 bits each.
POPE_INLINE void turn(F16 (&v)[16]) {
#define POPE_TURN(step, ...)                                        \
  for (int i = 0; i < 16; ++i) {                                    \
    if (i & step) continue;                                         \
    const F16 a = v[i], b = v[i + step];                            \
    v[i] = __builtin_shufflevector(a, b, __VA_ARGS__);              \
    v[i + step] = __builtin_shufflevector(b, a, POPE_OTHER_##step); \
  }
#define POPE_OTHER_1 17, 1, 19, 3, 21, 5, 23, 7, 25, 9, 27, 11, 29, 13, 31, 15
#define POPE_OTHER_2 18, 19, 2, 3, 22, 23, 6, 7, 26, 27, 10, 11, 30, 31, 14, 15
#define POPE_OTHER_4 20, 21, 22, 23, 4, 5, 6, 7, 28, 29, 30, 31, 12, 13, 14, 15
#define POPE_OTHER_8 24, 25, 26, 27, 28, 29, 30, 31, 8, 9, 10, 11, 12, 13, 14, 15
#pragma GCC unroll 16
  POPE_TURN(1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#pragma GCC unroll 16
  POPE_TURN(2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#pragma GCC unroll 16
  POPE_TURN(4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#pragma GCC unroll 16
  POPE_TURN(8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#undef POPE_TURN
}

// One panel: `rows` rows of `pairs` pairs → out [pairs][panel_rows].
POPE_CLONES void pack_panel(const std::uint32_t* in, std::int64_t rows, std::int64_t pairs,
                            std::int64_t panel_rows, std::uint32_t* out) {
  for (std::int64_t r0 = 0; r0 < rows; r0 += kTile) {
    const std::int64_t n = std::min(kTile, rows - r0);
    std::int64_t k = 0;
    for (; k + kTile <= pairs; k += kTile) {
      F16 v[kTile] = {};
      for (std::int64_t i = 0; i < n; ++i) std::memcpy(&v[i], in + (r0 + i) * pairs + k, sizeof v[i]);
      turn(v);
      for (std::int64_t i = 0; i < kTile; ++i)
        std::memcpy(out + (k + i) * panel_rows + r0, &v[i], sizeof v[i]);
    }
    for (; k < pairs; ++k) {
      for (std::int64_t i = 0; i < n; ++i)
        std::memcpy(out + k * panel_rows + r0 + i, in + (r0 + i) * pairs + k, sizeof *out);
    }
  }
}

}  // namespace

std::vector<std::uint32_t> pack_pairs(const at::Tensor& x, std::int64_t panel_rows) {
  const std::int64_t rows = x.size(0), pairs = x.size(1) / 2;
  const std::int64_t panels = (rows + panel_rows - 1) / panel_rows;
  std::vector<std::uint32_t> packed(static_cast<std::size_t>(panels * panel_rows * pairs));
  const auto* in = reinterpret_cast<const std::uint32_t*>(x.const_data_ptr<c10::BFloat16>());
  at::parallel_for(0, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t first = p * panel_rows;
      pack_panel(in + first * pairs, std::min(panel_rows, rows - first), pairs, panel_rows,
                 packed.data() + first * pairs);
    }
  });
  return packed;
}

#ifdef POPE_TILES
namespace {

constexpr std::int64_t kDepth = 32, kColumns = 2 * kTile;  // columns of the result at a time

// Linux lets a process use tiles only after a request.
bool has_tiles() {
  static const bool has = [] {
    constexpr unsigned kBf16 = 1U << 22, kTiles = 1U << 24;  // of EDX
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBf16) != 0 && (d & kTiles) != 0 &&
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

POPE_TILES inline void put(float* out, const F16& v) { _mm512_storeu_ps(out, (__m512)v); }
POPE_TILES inline void put(c10::BFloat16* out, const F16& v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), (__m256i)_mm512_cvtneps_pbh((__m512)v));
}

POPE_TILES inline F16 get(const float* p) { return (F16)_mm512_loadu_ps(p); }
POPE_TILES inline F16 get(const c10::BFloat16* p) {
  typedef std::uint16_t Half __attribute__((vector_size(32)));
  typedef std::uint32_t Word __attribute__((vector_size(64)));
  Half half;
  std::memcpy(&half, p, sizeof half);
  return (F16)(__builtin_convertvector(half, Word) << 16);
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
      F16 v[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) v[i] = get(sums[p][c + i]);
      turn(v);
      const F16 bias = o.bias ? get(o.bias + c0 + c) : F16{};
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

}  // namespace

bool has_tile_product(const at::Tensor& x, const at::Tensor& weight) {
  const auto fits = [](const at::Tensor& t) {
    return t.is_cpu() && t.scalar_type() == at::kBFloat16 && t.is_contiguous() && t.dim() == 2;
  };
  return fits(x) && fits(weight) && x.size(1) % kDepth == 0 && weight.size(0) % kColumns == 0 && has_tiles();
}

void tile_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out) {
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

bool has_tile_product(const at::Tensor&, const at::Tensor&) { return false; }
void tile_product(const at::Tensor&, const at::Tensor&, const at::Tensor&, at::Tensor&) {}

#endif

}  // namespace pope
