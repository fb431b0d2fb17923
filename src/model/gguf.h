// GGUF models: metadata → Architecture and tokenizer parts, tensors under their Hugging Face names. What
// Architecture cannot express is refused by the metadata's key. gguf_file.h parses the container.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "model/architecture.h"
#include "model/named_tensors.h"
#include "text/tokenizer.h"

namespace pope {

struct GgufHead {
  Architecture architecture;
  BpeParts tokenizer;
};
struct GgufModel : GgufHead {
  NamedTensors tensors;
};

// The files of a model that is split as NAME-00001-of-00003.gguf, in order, given any of them; `path` alone
// where it has another name. Error: one of them is missing.
std::vector<std::filesystem::path> gguf_parts(const std::filesystem::path& path);

// The model without its weights. `path`: the file, or any part of a split model.
GgufHead read_gguf_head(const std::filesystem::path& path);

// `path` as above. Tensors are dequantised to `type` (f32 or bf16). llama.cpp's reordering of Llama's q and k
// rows is undone.
GgufModel read_gguf(const std::filesystem::path& path, at::ScalarType type = at::kFloat);
// The same from a file's bytes. Errors begin with `name`.
GgufModel read_gguf(std::span<const std::uint8_t> bytes, const std::string& name,
                    at::ScalarType type = at::kFloat);

}  // namespace pope
