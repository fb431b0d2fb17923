// Reads single fields of a config.json.
#include "model/config_fields.h"

#include <cstdint>
#include <limits>

#include "core/error.h"

namespace pope::config {
namespace {

std::string found(const Json& value) { return value.is_null() ? "nothing" : dump(value); }

}  // namespace

const Json& value_of(const Json& object, const char* key) {
  static const Json null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

const Json& object_in(const Json& config, const char* key) {
  static const Json none = Json::object();
  const Json& value = value_of(config, key);
  if (value.is_null()) return none;
  if (!value.is_object()) {
    throw Error(kRead, "expected an object in \"" + std::string(key) + "\", got " + dump(value));
  }
  return value;
}

int whole(const Json& value, const std::string& field, std::optional<int> default_value) {
  if (value.is_null() && default_value) return *default_value;
  if (!value.is_number_integer())
    throw Error(kRead, "expected a whole number in \"" + field + "\", got " + found(value));
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= std::uint64_t(std::numeric_limits<int>::max())
                        : value.get<std::int64_t>() >= std::numeric_limits<int>::min() &&
                              value.get<std::int64_t>() <= std::numeric_limits<int>::max();
  if (!fits) throw Error(kRead, "expected \"" + field + "\" below 2^31, got " + dump(value));
  return value.get<int>();
}

double real(const Json& value, const std::string& field, std::optional<double> default_value) {
  if (value.is_null() && default_value) return *default_value;
  if (!value.is_number()) throw Error(kRead, "expected a number in \"" + field + "\", got " + found(value));
  return value.get<double>();
}

bool truth(const Json& value, const std::string& field, bool default_value) {
  if (value.is_null()) return default_value;
  if (!value.is_boolean())
    throw Error(kRead, "expected true or false in \"" + field + "\", got " + dump(value));
  return value.get<bool>();
}

void refuse(const std::string& field, const Json& value, const std::string& why) {
  throw Error(kRead, "\"" + field + "\": " + dump(value) + " is not supported", why);
}

}  // namespace pope::config
