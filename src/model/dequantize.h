// The number formats of GGUF tensors: plain, and blocks of 32 or 256 quantised values with shared scales.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pope {

// One format: `block` consecutive values take `bytes` bytes.
struct GgufType {
  std::uint32_t id;  // as in the file
  const char* name;
  std::size_t block, bytes;
  void (*block_to_float)(const std::uint8_t* from, float* to);  // one block
};

// The format with this id, or null where it is not supported.
const GgufType* find_gguf_type(std::uint32_t id);
std::string gguf_type_names();  // the supported ones, for messages
// "Q2_K" for 10; the number itself where it is no format of llama.cpp's.
std::string gguf_type_name(std::uint32_t id);

}  // namespace pope
