// What the metadata of a GGUF file say of its model, as the config.json that transformers would have: names
// of metadata and the defaults are llama.cpp's.
#pragma once

#include <ATen/ATen.h>

#include "core/files.h"
#include "model/gguf_file.h"
#include "model/gguf_metadata.h"

namespace pope {

// How llama.cpp calls a family of ours, and what its converter changes in the weights.
struct GgufFamily {
  const char* architecture;      // general.architecture
  const char* model_type;        // ours; "olmo2" with windows is olmo3
  bool reordered_heads = false;  // the rows of q and k
  bool whole_norms = false;      // 1 is added to weights of norms that multiply by 1 + weight
  // Adds what only this family has.
  void (*read)(const GgufFile& file, const GgufMetadata& metadata, Json& config) = nullptr;
};
// Error: an architecture that is not read (lists those that are).
const GgufFamily& gguf_family(const GgufMetadata& metadata);

// Error: metadata that are missing, or that no family here has.
Json gguf_config(const GgufFile& file, const GgufMetadata& metadata);
// A tensor that only the config needs: divisors of rotary frequencies.
bool is_of_config(const GgufTensor& tensor);

const GgufTensor* find_tensor(const GgufFile& file, std::string_view name);  // null: there is none
at::Tensor to_float(const GgufTensor& tensor);

}  // namespace pope
