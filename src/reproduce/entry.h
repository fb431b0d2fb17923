// An entry of a plan's YAML file, read key by key. Errors say where it stands.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/nearest.h"

namespace pope {

// The number that `text` is; nothing where it is none, or where more follows.
inline std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// `file[name]`, or an empty map.
inline const Json& section_of(const Json& file, const std::string& name) {
  static const Json kNone = Json::object();
  return file.contains(name) ? file.at(name) : kNone;
}

// Refuses keys that it does not know, and names itself in errors.
class Entry {
 public:
  Entry(std::string where, const Json& value, std::vector<std::string> known)
      : where_(std::move(where)), value_(value) {
    if (!value.is_object()) throw Error("reproduce", where_ + ": expected a map, got " + value.dump());
    for (const auto& [key, ignored] : value.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        throw Error("reproduce", fmt::format("{}: unknown key '{}'", where_, key), did_you_mean(key, known));
      }
    }
  }

  std::string text(const std::string& key, const std::string& otherwise) const {
    return value_.contains(key) ? scalar(key) : otherwise;
  }
  std::string text(const std::string& key) const {
    if (!value_.contains(key)) throw Error("reproduce", fmt::format("{}: expected '{}'", where_, key));
    return scalar(key);
  }
  double number(const std::string& key, double otherwise) const {
    if (!value_.contains(key)) return otherwise;
    const std::string text = scalar(key);
    const std::optional<double> number = number_in(text);
    if (!number)
      throw Error("reproduce", fmt::format("{}.{}: expected a number, got '{}'", where_, key, text));
    return *number;
  }
  bool flag(const std::string& key, bool otherwise) const {
    if (!value_.contains(key)) return otherwise;
    const std::string text = scalar(key);
    if (text != "true" && text != "false")
      throw Error("reproduce", fmt::format("{}.{}: expected true or false, got '{}'", where_, key, text));
    return text == "true";
  }
  std::vector<std::string> list(const std::string& key) const {
    if (!value_.contains(key)) return {};
    if (!value_[key].is_array()) throw Error("reproduce", fmt::format("{}.{}: expected a list", where_, key));
    return value_[key].get<std::vector<std::string>>();
  }
  // Settings: a map of dotted keys; lists as YAML text.
  std::vector<std::pair<std::string, std::string>> settings(const std::string& key) const {
    std::vector<std::pair<std::string, std::string>> out;
    if (!value_.contains(key)) return out;
    if (!value_[key].is_object()) throw Error("reproduce", fmt::format("{}.{}: expected a map", where_, key));
    for (const auto& [name, value] : value_[key].items()) {
      out.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return out;
  }
  bool has(const std::string& key) const { return value_.contains(key); }
  const std::string& where() const { return where_; }

 private:
  std::string scalar(const std::string& key) const {
    if (!value_[key].is_string())
      throw Error("reproduce", fmt::format("{}.{}: expected one value", where_, key));
    return value_[key];
  }
  std::string where_;
  const Json& value_;
};

}  // namespace pope
