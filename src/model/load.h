// Models in and out: a Hugging Face directory (config.json, safetensors, tokenizer.json) or a GGUF file.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/safetensors.h"
#include "text/tokenizer.h"

namespace pope {

// What is known of a model without its weights: enough to write prompts, and to read what comes back.
struct ModelHead {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<int> eos_tokens;  // that config.json and generation_config.json name
  std::int64_t context = std::numeric_limits<std::int64_t>::max();  // tokens; max: config.json does not say
};
// Of a .gguf file, or of a directory, which needs no more than a tokenizer: config.json and
// generation_config.json are read where they are. Error: there is no tokenizer.
ModelHead load_head(const std::filesystem::path& path);

struct LoadedModel {
  std::shared_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
};

// `path` is a model directory or a .gguf file, or a folder that holds one (see find_model in model_folder.h),
// or a LoRA adapter, which is merged into the model that it names. Errors say what is missing or wrong and
// how to mend it, also where the tokenizer has more tokens than the embedding has rows; of added tokens,
// where a text uses them. Tensors that are not part of the model are ignored and named. Each tensor goes to
// `device` as it is read. Memory: in f32 the weights once; in bf16 f32 masters and compute tensors; in bf16
// and frozen, for sampling only, compute tensors alone. `tokenizer`: the model's, where load_head() has read
// it.
LoadedModel load_model(const std::filesystem::path& path, at::ScalarType compute,
                       Weights weights = Weights::trainable, at::Device device = at::kCPU,
                       std::shared_ptr<const Tokenizer> tokenizer = nullptr);

// Writes a directory that transformers loads: config.json, generation_config.json, tokenizer files, and the
// weights (f32 masters, or bf16 with `bf16`) as model.safetensors or, above `shard_bytes`, as shards with
// their index. Of a model with a LoRA adapter the adapter alone is written, as PEFT has it, in f32. `folder`
// must exist; for an atomic write call it inside write_folder (core/files.h).
void save_model(const std::filesystem::path& folder, const Model& model, const Tokenizer& tokenizer,
                bool bf16 = false, std::int64_t shard_bytes = 5'000'000'000);

struct WeightFile {
  std::filesystem::path path;
  std::vector<TensorInfo> tensors;
};
using IsNeeded = std::function<bool(const std::string& name)>;
// model.safetensors of a model directory, adapter_model.safetensors of an adapter, or the shards that
// model.safetensors.index.json lists. Error: a
// file is missing, or its tensors are not those that the index lists; tensors that are not `needed` do not
// count.
std::vector<WeightFile> weight_files(
    const std::filesystem::path& folder, const IsNeeded& needed = [](const std::string&) { return true; });

}  // namespace pope
