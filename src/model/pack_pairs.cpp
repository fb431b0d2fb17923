// See pack_pairs.h.
#include "model/pack_pairs.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "model/simd.h"
#include "model/transpose-inl.h"

#ifdef POPE_SEVERAL_PROCESSORS
#define POPE_CLONES __attribute__((target_clones("arch=x86-64-v4", "default")))
#else
#define POPE_CLONES
#endif
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions only

namespace pope {
namespace {

constexpr std::int64_t kTile = 16;

// One panel: `rows` rows of `pairs` pairs → out [pairs][panel_rows].
POPE_CLONES void pack_panel(const std::uint32_t* in, std::int64_t rows, std::int64_t pairs,
                            std::int64_t panel_rows, std::uint32_t* out) {
  for (std::int64_t r0 = 0; r0 < rows; r0 += kTile) {
    const std::int64_t n = std::min(kTile, rows - r0);
    std::int64_t k = 0;
    for (; k + kTile <= pairs; k += kTile) {
      Lanes16 v[kTile] = {};
      for (std::int64_t i = 0; i < n; ++i) std::memcpy(&v[i], in + (r0 + i) * pairs + k, sizeof v[i]);
      transpose(v);
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

}  // namespace pope
