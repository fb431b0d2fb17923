// A linear layer of a block: the rows of one or several parameters, and perhaps a LoRA adapter beside them.
#pragma once

#include "model/joint.h"
#include "model/lora.h"
#include "model/product.h"

namespace pope {

struct Linear {
  Joint weight, bias;  // [C,W]; [C] or undefined
  Lora lora;
};

// x [N,W] → [N,C].
inline at::Tensor project(const at::Tensor& x, const Linear& linear) {
  const at::Tensor y = project(x, linear.weight.tensor(), linear.bias.tensor());
  return linear.lora.empty() ? y : linear.lora.add_to(y, x);
}

}  // namespace pope
