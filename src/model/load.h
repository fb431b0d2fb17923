// Model directories and files: Hugging Face (config.json, safetensors, tokenizer.json) and GGUF, in and out.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/architecture.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pope {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// safetensors: every offset, shape and dtype is checked against the file before anything is allocated.
// F32, F16, BF16 come back as `type`, or as they are (I64 always). One tensor after the other goes to `take`,
// in the order of the file.
using TakeTensor = std::function<void(const std::string& name, at::Tensor tensor)>;
void read_safetensors(const std::filesystem::path& path, std::optional<at::ScalarType> type,
                      const TakeTensor& take);
NamedTensors read_safetensors(const std::filesystem::path& path,
                              std::optional<at::ScalarType> type = at::kFloat);
// What a file holds, of which only the header is read.
std::vector<TensorInfo> list_safetensors(const std::filesystem::path& path);
struct WeightFile {
  std::filesystem::path path;
  std::vector<TensorInfo> tensors;
};
// model.safetensors of a model directory, or the shards of model.safetensors.index.json. Error: one is
// missing, or holds other tensors than the index says.
std::vector<WeightFile> weight_files(const std::filesystem::path& folder);
// Contiguous tensors of any of those dtypes, on any device; synced. `metadata` goes to "__metadata__".
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata = {{"format", "pt"}});

struct LoadedModel {
  std::shared_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
};

// `path` is a Hugging Face model directory or a .gguf file. Errors say what is missing or wrong and how to
// mend it; a tokenizer with more ids than the embedding has rows is refused. The weights are in memory once:
// as f32 masters and, in bf16, as compute tensors beside them; a frozen model, which only samples, has the
// latter alone. `device` is where they go, tensor by tensor.
LoadedModel load_model(const std::filesystem::path& path, at::ScalarType compute,
                       Weights weights = Weights::trainable, at::Device device = at::kCPU);

// Writes a Hugging Face directory that transformers loads: config.json, generation_config.json,
// weights (f32 masters, or bf16 with `bf16`) as model.safetensors or, above `shard_bytes`, as shards with
// their index, tokenizer files. Into an existing folder; callers wanting atomicity use core's write_folder.
void save_model(const std::filesystem::path& folder, const Model& model, const Tokenizer& tokenizer,
                bool bf16 = false, std::int64_t shard_bytes = 5'000'000'000);

// GGUF: metadata and tensors as `type` (f32 or bf16) with Hugging Face names (llama's rotary permutation of q
// and k undone).
struct GgufModel {
  Architecture architecture;
  BpeParts tokenizer;
  NamedTensors tensors;
};
GgufModel read_gguf(const std::filesystem::path& path, at::ScalarType type = at::kFloat);
// The same of a file's bytes. Errors begin with `name`.
GgufModel read_gguf(std::span<const std::uint8_t> bytes, const std::string& name,
                    at::ScalarType type = at::kFloat);

}  // namespace pope
