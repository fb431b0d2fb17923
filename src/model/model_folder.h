// What people give as a model: which file or folder of it to open, and what it is where it cannot be read.
#pragma once

#include <filesystem>

#include "core/files.h"

namespace pope {

// The model directory or .gguf file to open: `given` itself, the snapshot that a folder of the Hugging Face
// hub's cache holds (the one that refs/main names, or the only one), the model that a run has left, or the
// only GGUF model of a folder without safetensors. Error: there are several to choose from, or none that is
// whole.
std::filesystem::path find_model(const std::filesystem::path& given);

// The files of a LoRA adapter in PEFT's format.
inline constexpr const char *kAdapterConfig = "adapter_config.json",
                            *kAdapterWeights = "adapter_model.safetensors";
// Whether `path` is a folder with both, and without the weights of a whole model.
bool is_adapter(const std::filesystem::path& path);
// The model that an adapter belongs to, found: base_model_name_or_path, also as seen from its folder. Error:
// there is none, or it is an adapter itself.
std::filesystem::path base_of_adapter(const std::filesystem::path& folder);

// Error unless `path` is a directory with config.json and model.safetensors, or shards with their index. It
// says what the folder is instead (a LoRA adapter, shards of a training run, another program's format) and
// what to do.
void require_model_folder(const std::filesystem::path& path);

// Error for a config.json of quantised weights: names the format, and what to do.
void refuse_quantised(const std::filesystem::path& folder, const Json& config);

}  // namespace pope
