// Matrix products of few rows with large weights, which are read once and in place: a decoding step's layers,
// and the logits. Logits are not rounded to bf16, for they decide what is sampled and learned.
#pragma once

#include <ATen/ATen.h>

namespace pope {

// hidden [N,W], embedding [V,W], both f32, both bf16 or both f64 → [N,V], f32 (f64 for f64). bf16 is
// multiplied exactly and summed in f32. No gradient.
at::Tensor head_product(const at::Tensor& hidden, const at::Tensor& embedding);
// The same into `logits`, which is allocated if it is undefined or of another shape. Use it in loops: fresh
// memory for every chunk of logits is slow.
void head_product_out(at::Tensor& logits, const at::Tensor& hidden, const at::Tensor& embedding);

// at::linear: x [N,W], weight [C,W], bias [C] or undefined → [N,C]. Few rows without gradient go through the
// kernels of few_rows.h; bf16 otherwise in f32, where that is faster (wide_product.h).
at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

}  // namespace pope
