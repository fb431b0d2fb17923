// safetensors files, in and out: 8 bytes of header length, a JSON header, the tensors' bytes.
// A file is checked before anything is allocated: the header against the file's size, and the tensors, which
// must cover the data exactly, without gap or overlap. Errors name the file and the tensor.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/named_tensors.h"

namespace pope {

// Gives the tensors to `take` one after the other, in the order of the file. F32, F16 and BF16 are converted
// to `type`, or kept as they are without it; I64 is always kept.
using TakeTensor = std::function<void(const std::string& name, at::Tensor tensor)>;
void read_safetensors(const std::filesystem::path& path, std::optional<at::ScalarType> type,
                      const TakeTensor& take);
// The same, all at once.
NamedTensors read_safetensors(const std::filesystem::path& path,
                              std::optional<at::ScalarType> type = at::kFloat);
// What a file holds. Reads the header only.
std::vector<TensorInfo> list_safetensors(const std::filesystem::path& path);

// Writes contiguous f32, f16, bf16 or i64 tensors, on any device, and syncs the file. `metadata` goes to
// "__metadata__".
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata = {{"format", "pt"}});

}  // namespace pope
