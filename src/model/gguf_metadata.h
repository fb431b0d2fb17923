// The metadata of a GGUF file by key and type. Errors name the file and the key.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "model/gguf_file.h"

namespace pope {

class GgufMetadata {
 public:
  GgufMetadata(const GgufFile& file, std::string name) : file_(file), name_(std::move(name)) {}

  [[noreturn]] void fail(const std::string& message,
                         const std::string& hint =
                             "use the model's Hugging Face directory, or fetch the file again if it is "
                             "damaged") const {
    throw Error("read GGUF", name_ + ": " + message, hint);
  }
  const std::string& name() const { return name_; }
  const nlohmann::json* find(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    return found == file_.metadata.end() ? nullptr : &found->second;
  }
  int whole(const std::string& key, std::optional<int> default_value = {}) const {
    const auto* value = find(key);
    if (!value && default_value) return *default_value;
    return as_int(key, value);
  }
  double real(const std::string& key, std::optional<double> default_value = {}) const {
    const auto* value = find(key);
    if (!value && default_value) return *default_value;
    if (!value || !value->is_number()) fail("expected a number in " + key);
    return value->get<double>();
  }
  std::string text(const std::string& key, std::optional<std::string> default_value = {}) const {
    const auto* value = find(key);
    if (!value && default_value) return *default_value;
    if (!value || !value->is_string()) fail("expected a string in " + key);
    return value->get<std::string>();
  }
  std::optional<bool> flag(const std::string& key) const {
    const auto* value = find(key);
    if (!value) return {};
    if (!value->is_boolean()) fail("expected true or false in " + key);
    return value->get<bool>();
  }
  std::vector<std::string> texts(const std::string& key) const {
    std::vector<std::string> out;
    for (const auto& item : array(key)) {
      if (!item.is_string()) fail("expected strings in " + key);
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  std::vector<double> reals(const std::string& key) const {
    std::vector<double> out;
    for (const auto& item : array(key)) {
      if (!item.is_number() || !std::isfinite(item.get<double>())) fail("expected finite numbers in " + key);
      out.push_back(item.get<double>());
    }
    return out;
  }
  std::vector<int> wholes(const std::string& key) const {
    std::vector<int> out;
    for (const auto& item : array(key)) out.push_back(as_int(key, &item));
    return out;
  }

 private:
  int as_int(const std::string& key, const nlohmann::json* value) const {
    if (!value || !value->is_number_integer()) fail("expected a whole number in " + key);
    const bool negative = !value->is_number_unsigned() && value->get<std::int64_t>() < 0;
    if (negative || value->get<std::uint64_t>() > std::uint64_t(std::numeric_limits<int>::max())) {
      fail("expected 0 to 2^31 - 1 in " + key + ", got " + value->dump());
    }
    return value->get<int>();
  }
  const nlohmann::json& array(const std::string& key) const {
    const auto* value = find(key);
    if (!value || !value->is_array()) fail("expected an array in " + key);
    return *value;
  }
  const GgufFile& file_;
  std::string name_;
};

}  // namespace pope
