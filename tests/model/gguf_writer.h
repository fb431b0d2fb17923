// Writes GGUF files for the tests, valid or not: nothing is checked here.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace pope {

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline std::string gguf_text(const std::string& text) { return raw<std::uint64_t>(text.size()) + text; }

// The encoded type and value of a metadata entry.
inline std::string gguf_u32(std::uint32_t value) { return raw<std::uint32_t>(4) + raw(value); }
inline std::string gguf_f32(float value) { return raw<std::uint32_t>(6) + raw(value); }
inline std::string gguf_bool(bool value) { return raw<std::uint32_t>(7) + raw<std::uint8_t>(value); }
inline std::string gguf_string(const std::string& value) { return raw<std::uint32_t>(8) + gguf_text(value); }
inline std::string gguf_strings(const std::vector<std::string>& values) {
  std::string out = raw<std::uint32_t>(9) + raw<std::uint32_t>(8) + raw<std::uint64_t>(values.size());
  for (const auto& value : values) out += gguf_text(value);
  return out;
}
inline std::string gguf_i32s(const std::vector<std::int32_t>& values) {
  std::string out = raw<std::uint32_t>(9) + raw<std::uint32_t>(5) + raw<std::uint64_t>(values.size());
  for (const auto value : values) out += raw(value);
  return out;
}

inline std::string gguf_f32s(const std::vector<float>& values) {
  std::string out = raw<std::uint32_t>(9) + raw<std::uint32_t>(6) + raw<std::uint64_t>(values.size());
  for (const auto value : values) out += raw(value);
  return out;
}
inline std::string gguf_bools(const std::vector<bool>& values) {
  std::string out = raw<std::uint32_t>(9) + raw<std::uint32_t>(7) + raw<std::uint64_t>(values.size());
  for (const bool value : values) out += raw<std::uint8_t>(value);
  return out;
}

struct GgufWriter {
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> sizes;  // fastest first, as in the file
    std::uint32_t type;
    std::string data;
  };
  std::uint32_t version = 3;
  std::vector<std::pair<std::string, std::string>> metadata;  // key, encoded type and value
  std::vector<Tensor> tensors;
  std::uint64_t alignment = 32;

  void set(const std::string& key, const std::string& value) {
    for (auto& entry : metadata) {
      if (entry.first == key) {
        entry.second = value;
        return;
      }
    }
    metadata.emplace_back(key, value);
  }
  std::string bytes() const {
    std::string out =
        "GGUF" + raw(version) + raw<std::uint64_t>(tensors.size()) + raw<std::uint64_t>(metadata.size());
    for (const auto& [key, value] : metadata) out += gguf_text(key) + value;
    std::string data;
    for (const auto& tensor : tensors) {
      out += gguf_text(tensor.name) + raw<std::uint32_t>(std::uint32_t(tensor.sizes.size()));
      for (const auto size : tensor.sizes) out += raw(size);
      data.resize((data.size() + alignment - 1) / alignment * alignment);
      out += raw(tensor.type) + raw<std::uint64_t>(data.size());
      data += tensor.data;
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
  }
};

}  // namespace pope
