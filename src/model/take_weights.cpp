// See take_weights.h.
#include "model/take_weights.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "core/error.h"

namespace pope {

void take_weights(Model& model, const Model& from) {
  const c10::NoGradGuard no_grad;
  std::vector<Parameter>& ours = model.parameters();
  const std::vector<Parameter>& theirs = from.parameters();
  const auto same = [](const Parameter& a, const Parameter& b) {
    return a.name == b.name && a.master.sizes() == b.master.sizes();
  };
  if (!std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), same))
    throw Error("take weights", "expected a model with the same parameters, got one of another architecture");
  for (std::size_t i = 0; i < ours.size(); ++i) ours[i].master.copy_(theirs[i].master);
  model.sync_compute_weights();
}

}  // namespace pope
