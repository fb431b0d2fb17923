// Matrix products that read the weights once and where they lie, for few rows against many: the output
// embedding, and a decoding step's layers. And the product that is not rounded to bf16, since logits decide
// what is sampled and learned.
#pragma once

#include <ATen/ATen.h>

namespace pope {

// hidden [N,W], embedding [V,W], both f32, both bf16 or both f64 → [N,V], f32 (f64 for f64). bf16 is
// multiplied exactly and summed in f32. No gradient.
at::Tensor head_product(const at::Tensor& hidden, const at::Tensor& embedding);
// The same into `logits`, which is made when it is undefined or misshapen: fresh memory for every chunk of
// logits costs more than it seems.
void head_product_out(at::Tensor& logits, const at::Tensor& hidden, const at::Tensor& embedding);

// at::linear: x [N,W], weight [C,W], bias [C] or undefined → [N,C]. Without gradient, few rows in bf16 take
// the tiles of the processor, if it has them.
at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

}  // namespace pope
