// Tensors by name: how weights pass between files, models and optimisers.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pope {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// A tensor without its values, as the header of a file describes it.
struct TensorInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  at::ScalarType type;
};

}  // namespace pope
