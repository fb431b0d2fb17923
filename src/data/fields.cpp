// See fields.h.
#include "data/fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/chars.h"
#include "core/json_text.h"

namespace pope {

Fields::Fields(Json&& row, std::string where) : row_(std::move(row)), where_(std::move(where)) {
  if (!row_.is_object())
    throw RowError(fmt::format("{}: expected a JSON object, got {}", where_, row_.type_name()), "");
}

void Fields::fail(std::string_view field, const std::string& problem, const std::string& hint) const {
  throw RowError(fmt::format("{}: field \"{}\": {}", where_, field, problem), hint);
}

const Json* Fields::find(std::string_view path) { return path.empty() ? nullptr : walk(row_, path); }

const Json* Fields::walk(const Json& value, std::string_view path) {
  if (path.empty()) return &value;
  const std::size_t dot = std::min(path.find('.'), path.size());
  const std::string_view first = path.substr(0, dot), rest = path.substr(std::min(dot + 1, path.size()));
  if (value.is_object()) {
    if (const auto whole = value.find(path); whole != value.end()) return &*whole;
    const auto next = value.find(first);
    return next == value.end() ? nullptr : walk(*next, rest);
  }
  if (value.is_array()) {
    std::size_t item = 0;
    const auto [stopped, code] = std::from_chars(first.data(), first.data() + first.size(), item);
    const bool good = code == std::errc() && stopped == first.data() + first.size() && item < value.size();
    return good ? walk(value[item], rest) : nullptr;
  }
  if (!value.is_string()) return nullptr;
  const std::string_view text = trim(value.get_ref<const std::string&>());
  if (text.empty() || (text.front() != '{' && text.front() != '[')) return nullptr;
  ParsedJson parsed = parse_foreign_json(text);
  if (!parsed.problem.empty()) return nullptr;
  return walk(opened_.emplace_back(std::move(parsed.value)), path);
}

Json Fields::take(std::string_view path) {
  const Json* found = find(path);
  if (found == nullptr) return nullptr;
  Json value = *found;
  if (value.is_primitive() && row_.contains(path)) row_.erase(row_.find(path));
  return value;
}

Json Fields::take_whole(std::string_view field) {
  const auto found = row_.find(field);
  if (found == row_.end()) return nullptr;
  Json value = std::move(*found);
  row_.erase(found);
  return value;
}

std::string Fields::text(std::string_view path) {
  const Json value = take(path);
  if (value.is_null()) return "";
  if (!value.is_string()) fail(path, fmt::format("expected a string, got {}", value.type_name()));
  return value.get<std::string>();
}

std::string Fields::required_text(std::string_view path) {
  if (!has(path)) fail(path, "expected a string, got nothing");
  const std::string value = text(path);
  if (trim(value).empty()) fail(path, "expected some text, got an empty string");
  return value;
}

std::string Fields::text_or_number(std::string_view path) {
  const Json value = take(path);
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) fail(path, fmt::format("expected a string or a number, got {}", value.type_name()));
  return digits(path, value);
}

std::string Fields::digits(std::string_view path, const Json& number) const {
  if (number.is_number_float() && std::abs(number.get<double>()) >= 9007199254740992.0)  // 2^53
    fail(path, "expected a number that 64 bits hold exactly", "write it as a string, in quotes");
  return dump(number);
}

std::optional<double> Fields::number(std::string_view path) {
  const Json value = take(path);
  if (value.is_null()) return std::nullopt;
  if (!value.is_number()) fail(path, fmt::format("expected a number or null, got {}", value.type_name()));
  return value.get<double>();
}

int Fields::count(std::string_view path) {
  const std::optional<double> value = number(path);
  if (!value) return 0;
  if (*value < 0 || *value > 1e9 || *value != std::floor(*value))
    fail(path, fmt::format("expected a whole number from 0, got {}", *value));
  return static_cast<int>(*value);
}

bool Fields::truth(std::string_view path) {
  const Json value = take(path);
  if (value.is_null()) return false;
  if (!value.is_boolean()) fail(path, fmt::format("expected true or false, got {}", value.type_name()));
  return value.get<bool>();
}

}  // namespace pope
