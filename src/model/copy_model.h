// A second model with the weights of another.
#pragma once

#include <memory>

#include "model/model.h"

namespace pope {

// Of the same compute type and trainable, on the same device; without the adapter, if there is one.
std::shared_ptr<Model> copy_of(const Model& model);

}  // namespace pope
