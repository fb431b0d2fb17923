// A LoRA adapter in PEFT's format: adapter_config.json and adapter_model.safetensors. PEFT, vLLM and SGLang
// load what is written here.
#pragma once

#include <filesystem>

#include "model/model.h"
#include "model/named_tensors.h"

namespace pope {

// Writes the adapter of a model that has one. `folder` must exist.
void save_adapter(const std::filesystem::path& folder, const Model& model);

// Adds the adapter of `folder` to the weights that it belongs to (lora.h: merged), with which it then needs
// no adapter any more. Error: it is none of LoRA, has parts that are not A and B of a linear layer, or other
// shapes than the weights.
void merge_adapter(const std::filesystem::path& folder, NamedTensors& weights);

}  // namespace pope
