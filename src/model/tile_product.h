// The product of bf16 matrices by a processor's tiles (AMX), internal to product.cpp.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace pope {

// x [N,W] bf16, W even → panels of `panel_rows` rows. A panel is [W/2][panel_rows]: pairs of neighbouring
// values, zero beyond row N.
std::vector<std::uint32_t> pack_pairs(const at::Tensor& x, std::int64_t panel_rows);

// Whether tile_product() can be used: contiguous bf16, W and C multiples of 32, a processor with tiles.
bool has_tile_product(const at::Tensor& x, const at::Tensor& weight);
// x [N,W], weight [C,W], bias [C] bf16 or undefined → out [N,C] f32 or bf16: multiplied exactly, summed in
// f32.
void tile_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, at::Tensor& out);

}  // namespace pope
