// The weights of one model in the place of another's.
#pragma once

#include "model/model.h"

namespace pope {

// In place, so that what reads them at their addresses goes on. Error: `from` has other parameters; then
// nothing is changed.
void take_weights(Model& model, const Model& from);

}  // namespace pope
