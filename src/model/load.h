// Model directories and files: Hugging Face (config.json, safetensors, tokenizer.json) and GGUF, in and out.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/architecture.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pope {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// safetensors: every offset, shape and dtype is checked against the file before anything is allocated.
// F32, F16, BF16 come back as f32 with `to_float`, else as they are (I64 too).
NamedTensors read_safetensors(const std::filesystem::path& path, bool to_float = true);
// Contiguous CPU tensors of any of those dtypes; synced. `metadata` goes to "__metadata__".
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata = {{"format", "pt"}});

struct LoadedModel {
  std::shared_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
};

// `path` is a Hugging Face model directory or a .gguf file. Errors say what is missing or wrong and how to
// mend it; a tokenizer with more ids than the embedding has rows is refused.
LoadedModel load_model(const std::filesystem::path& path, at::ScalarType compute);

// Writes a Hugging Face directory that transformers loads: config.json, generation_config.json,
// model.safetensors (f32 masters, or bf16 with `bf16`), tokenizer files. Into an existing folder; callers
// wanting atomicity use core's write_folder.
void save_model(const std::filesystem::path& folder, const Model& model, const Tokenizer& tokenizer,
                bool bf16 = false);

// GGUF: metadata and tensors as f32 with Hugging Face names (llama's rotary permutation of q and k undone).
struct GgufModel {
  Architecture architecture;
  BpeParts tokenizer;
  NamedTensors tensors;
};
GgufModel read_gguf(const std::filesystem::path& path);

}  // namespace pope
