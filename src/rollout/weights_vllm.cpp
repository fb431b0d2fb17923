// vLLM: whole weights by its worker's reload_weights, a route of its development mode; keys and values of
// prompts that were computed with the old ones are thrown away. Adapters beside the model by
// load_lora_adapter, each version under a name and path of its own, since what is loaded again under the same
// is partly remembered.
#include "core/files.h"
#include "rollout/server_weights.h"

namespace pope {
namespace {

std::vector<WeightsCall> calls(const PublishedWeights& weights) {
  if (!weights.adapter) {
    return {{"/collective_rpc",
             dump(Json{{"method", "reload_weights"}, {"kwargs", {{"weights_path", weights.folder}}}})},
            {"/reset_prefix_cache?reset_running_requests=true", "{}"}};
  }
  std::vector<WeightsCall> all;
  if (!weights.outdated.empty())
    all.push_back(
        {"/v1/unload_lora_adapter", dump(Json{{"lora_name", weights.outdated}}), /*may_fail=*/true});
  all.push_back(
      {"/v1/load_lora_adapter", dump(Json{{"lora_name", weights.label}, {"lora_path", weights.folder}})});
  return all;
}

}  // namespace

extern const ServerWeights vllm_weights;
const ServerWeights vllm_weights = {calls, /*adapter_by_name=*/true, /*tells_label=*/false,
                                    "VLLM_SERVER_DEV_MODE=1 in its environment, or for lora.rank above 0 "
                                    "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and "
                                    "--enable-lora --max-lora-rank"};

}  // namespace pope
