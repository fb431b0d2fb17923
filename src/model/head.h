// The product with the output embedding, which must not be rounded to bf16: logits decide what is sampled and
// what is learned.
#pragma once

#include <ATen/ATen.h>

namespace pope {

// hidden [N,W], embedding [V,W], both f32, both bf16 or both f64 → [N,V], f32 (f64 for f64). bf16 is
// multiplied exactly and summed in f32. No gradient.
at::Tensor head_product(const at::Tensor& hidden, const at::Tensor& embedding);
// The same into `logits`, which is made when it is undefined or misshapen: fresh memory for every chunk of
// logits costs more than it seems.
void head_product_out(at::Tensor& logits, const at::Tensor& hidden, const at::Tensor& embedding);

}  // namespace pope
