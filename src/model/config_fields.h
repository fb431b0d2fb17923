// Fields of a config.json. Errors name the field.
#pragma once

#include <optional>
#include <string>

#include "core/files.h"

namespace pope::config {

inline constexpr const char* kRead = "read config.json";  // the operation that errors name

// The value of `key`, or null where it is missing.
const Json& value_of(const Json& object, const char* key);
// The object in `key`, or an empty one. Error: it is something else.
const Json& object_in(const Json& config, const char* key);

// `field` is the name in messages; null takes the default, and is an error without one.
int whole(const Json& value, const std::string& field, std::optional<int> default_value = {});
double real(const Json& value, const std::string& field, std::optional<double> default_value = {});
bool truth(const Json& value, const std::string& field, bool default_value);

[[noreturn]] void refuse(const std::string& field, const Json& value, const std::string& why);

}  // namespace pope::config
