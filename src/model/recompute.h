// Activation checkpointing: memory for time.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <utility>

namespace pope {

using TensorPair = std::pair<at::Tensor, at::Tensor>;

// body(inputs), whose intermediate results are not kept: the backward pass runs it once more. Values and
// gradients, also those of parameters that `body` reads, are the same to the bit. `body` must own what it
// refers to, or refer to what outlives the backward pass; it may read, not write, and both inputs must
// require gradients.
TensorPair recomputed(std::function<TensorPair(const TensorPair&)> body, const TensorPair& inputs);

}  // namespace pope
