// See copy_model.h.
#include "model/copy_model.h"

#include <utility>

namespace pope {

std::shared_ptr<Model> copy_of(const Model& model) {
  NamedTensors weights;
  for (const Parameter& parameter : model.parameters())
    weights.emplace_back(parameter.name, parameter.master.detach().clone());
  auto copy = std::make_shared<Model>(model.architecture(), std::move(weights), model.compute_type());
  copy->version = model.version;
  return copy;
}

}  // namespace pope
