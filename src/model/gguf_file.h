// The container format of GGUF (versions 2 and 3): typed metadata and tensor descriptions. Every count,
// length and offset is checked against the file's size before it is used. What the values mean is gguf.cpp's
// affair.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/dequantize.h"

namespace pope {

struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> shape;  // slowest dimension first, as in PyTorch
  const GgufType* type = nullptr;
  std::int64_t values = 0;
  const std::uint8_t* data = nullptr;  // values / type->block blocks, inside the mapped file
};

class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);
  ~GgufFile();
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  // Metadata by key: numbers, booleans, strings, and flat arrays of them.
  std::map<std::string, nlohmann::json> metadata;
  std::vector<GgufTensor> tensors;

 private:
  void parse();
  std::filesystem::path path_;
  const std::uint8_t* data_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace pope
