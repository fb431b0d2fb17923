// pope serve takes weights by SGLang's route, whole ones and adapters alike: an adapter is merged into the
// model that it names.
#include "core/files.h"
#include "rollout/server_weights.h"

namespace pope {
namespace {

std::vector<WeightsCall> calls(const PublishedWeights& weights) {
  return {{"/update_weights_from_disk",
           dump(Json{{"model_path", weights.folder}, {"weight_version", weights.label}})}};
}

}  // namespace

extern const ServerWeights pope_weights;
const ServerWeights pope_weights = {calls, /*adapter_by_name=*/false, /*tells_label=*/true,
                                    "--set serve.updates=true"};

}  // namespace pope
