// Drawing tokens where the logits are, for devices other than the CPU. The same definition as draw_token
// (sample.h), in ATen operations; nothing is read on the host.
#pragma once

#include <ATen/ATen.h>

namespace pope {

struct SampledRows {
  at::Tensor tokens;    // [N] i64
  at::Tensor logprobs;  // [N] f32; NaN where the row's logits are not finite
};

// logits [N,V] f32, uniforms [N] f64 in [0, 1), on one device.
SampledRows draw_rows(const at::Tensor& logits, double temperature, const at::Tensor& uniforms);

}  // namespace pope
