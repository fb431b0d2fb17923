// The names under which others save the parameters of a model.
#pragma once

#include <string>
#include <vector>

#include "model/architecture.h"
#include "model/named_tensors.h"

namespace pope {

// Whether a tensor of a model directory is something that the model does not have: a head of another kind
// ("v_head.summary.weight", "score.weight"), or a part of a layer beyond num_hidden_layers.
bool is_extra(const Architecture& architecture, const std::string& name);
// Tensors of old checkpoints that are no parameters: rotary tables, and the second copy of a tied embedding.
bool is_redundant(const Architecture& architecture, const std::string& name);

class TensorNames {
 public:
  // `listed`: all tensors of a model directory. Error: their names begin with what another program put in
  // front (the message shows one, and what to do), or they are those of another model.
  explicit TensorNames(const std::vector<TensorInfo>& listed);
  // The parameter that a tensor is: its name, with "model." in front where the base model alone was saved.
  std::string parameter(const std::string& name) const;

 private:
  bool bare_ = false;  // no name has "model." in front
};

// Names in one line, those of one layer together: "model.layers.2.*, score.weight".
std::string grouped_names(const std::vector<std::string>& names);

}  // namespace pope
