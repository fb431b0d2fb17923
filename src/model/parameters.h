// The trainable tensors of an architecture: Hugging Face's names, and shapes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/architecture.h"

namespace pope {

// Every parameter with its shape, in the order in which they are kept and saved.
using Shape = std::vector<std::int64_t>;
std::vector<std::pair<std::string, Shape>> parameter_shapes(const Architecture& architecture);

// "model.layers.3."
std::string layer_prefix(int layer);
// The names, behind `prefix`, of the parameters that hold the rows of q, k and v, and of gate and up; `kind`
// is "weight" or "bias".
std::vector<std::string> qkv_names(const Architecture& architecture, const std::string& prefix,
                                   const std::string& kind);
std::vector<std::string> gate_up_names(const Architecture& architecture, const std::string& prefix,
                                       const std::string& kind);
// Of one of a sparse layer's experts: "model.layers.3.mlp.experts.5."
std::string expert_prefix(const std::string& layer_prefix, int expert);

// Names of a layer's norms by place; "" where the family has none there.
struct NormNames {
  const char *before_attention, *after_attention, *before_ffn, *after_ffn;
};
NormNames norm_names(const Architecture& architecture);

}  // namespace pope
