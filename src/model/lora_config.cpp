#include "model/lora_config.h"

namespace pope {

void LoraConfig::fields(Options& o) {
  o.add("rank", rank,
        "train a LoRA adapter of this rank, with the model's weights frozen; 0: train all weights. Adapters "
        "want about ten times the learning rate")
      .range(0, 4096);
  o.add("alpha", alpha, "LoRA: what the adapter adds is multiplied by alpha / rank").above(0);
  o.add("targets", targets,
        "LoRA: linear layers that get an adapter, by name (q_proj, v_proj, …); empty: all of the blocks");
}

}  // namespace pope
