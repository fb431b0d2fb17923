// The container format of GGUF (versions 2 and 3): typed metadata and tensor descriptions. Every count,
// length and offset is checked against the file's size before it is used, and no two tensors share bytes.
// gguf.h says what the values mean.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "model/dequantize.h"

namespace pope {

struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> shape;  // slowest dimension first, as in PyTorch
  const GgufType* type = nullptr;
  std::int64_t values = 0;
  const std::uint8_t* data = nullptr;  // values / type->block blocks, inside the file's bytes
};

struct GgufFile {
  // Metadata by key: numbers, booleans, strings, and flat arrays of them.
  std::map<std::string, nlohmann::json> metadata;
  std::vector<GgufTensor> tensors;
};

// `bytes` is the whole file, and has to outlive the result. Errors begin with `name`.
GgufFile parse_gguf(std::span<const std::uint8_t> bytes, const std::string& name);

// A file mapped for reading. Error: it is missing, empty, or no file.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace pope
