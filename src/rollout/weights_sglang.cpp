// SGLang: whole weights by update_weights_from_disk, which also clears its cache of prompts; adapters beside
// the model by load_lora_adapter. Replies tell the version in meta_info.weight_version.
#include "core/files.h"
#include "rollout/server_weights.h"

namespace pope {
namespace {

std::vector<WeightsCall> calls(const PublishedWeights& weights) {
  if (!weights.adapter) {
    return {{"/update_weights_from_disk",
             dump(Json{{"model_path", weights.folder}, {"weight_version", weights.label}})}};
  }
  std::vector<WeightsCall> all;
  if (!weights.outdated.empty())
    all.push_back({"/unload_lora_adapter", dump(Json{{"lora_name", weights.outdated}}), /*may_fail=*/true});
  all.push_back(
      {"/load_lora_adapter", dump(Json{{"lora_name", weights.label}, {"lora_path", weights.folder}})});
  return all;
}

}  // namespace

extern const ServerWeights sglang_weights;
const ServerWeights sglang_weights = {calls, /*adapter_by_name=*/true, /*tells_label=*/true,
                                      "--enable-lora and --max-lora-rank where lora.rank is above 0"};

}  // namespace pope
