// Products of bf16 matrices that are computed in f32. A processor may have instructions for bf16 that are
// slower than those for f32 (Intel's AVX-512 BF16 where there is no AMX), or none, so that libtorch emulates
// them. bf16 values multiply exactly in f32, and sums are in f32 either way: only their order differs.
#pragma once

#include <ATen/ATen.h>

namespace pope {

// Whether products that no kernel of few_rows.h computes are to be computed so: x is of bf16 on a CPU of such
// a kind. By a table of what was measured (bench/product.cpp), not by timing: a run is to give the same
// numbers each time.
bool is_faster_in_f32(const at::Tensor& x);

// at::linear, also with gradients: x [N,W], weight [C,W], bias [C] or undefined, all bf16 → [N,C] bf16.
at::Tensor linear_in_f32(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// out [N,C] = a [N,K] · b [K,C], all bf16. No gradient.
void product_in_f32_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);
// The same, all of one dtype, in f32 where that is faster.
void product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b);

}  // namespace pope
