// Values as text: str(value), as templates print them, and JSON, as the filter tojson of transformers writes
// it.
#pragma once

#include <optional>

#include "jinja/value.h"

namespace pope::jinja {

// str(value). Fault: what prints as an address or a type in Python.
Text printed(const Value& value, Budget& budget);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<Text> indent;  // of one level; none: all in one line
  Text item_separator = text_of(", "), key_separator = text_of(": ");
};
// json.dumps(value). Fault: what JSON has no form for.
Text json_of(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace pope::jinja
