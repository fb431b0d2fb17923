// Activation checkpointing: memory for time.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <utility>

namespace pope {

using TensorPair = std::pair<at::Tensor, at::Tensor>;

// → body(inputs). Intermediate results are not kept: the backward pass runs `body` a second time. Values and
// gradients are the same to the bit, also the gradients of parameters that `body` reads. What `body` refers
// to must outlive the backward pass, and `body` must not write to it. Both inputs must require gradients.
TensorPair recomputed(std::function<TensorPair(const TensorPair&)> body, const TensorPair& inputs);

}  // namespace pope
