// The right operand of products of bf16 pairs.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace pope {

// x [N,W] bf16, W even → panels of `panel_rows` rows. A panel is [W/2][panel_rows]: pairs of neighbouring
// values, zero beyond row N.
std::vector<std::uint32_t> pack_pairs(const at::Tensor& x, std::int64_t panel_rows);

}  // namespace pope
