// Reading JSON text that others wrote.
#pragma once

#include <string>
#include <string_view>

#include "core/files.h"

namespace pope {

// What nlohmann's parser says, without its "[json.exception.…]" tag, and without the line where there is only
// one.
std::string json_message(std::string_view what);

struct ParsedJson {
  Json value;
  std::string problem;  // what is wrong with the text, "" when nothing is
};

// One JSON value, with NaN and Infinity, which Python writes though JSON has no such numbers, read as null.
// A problem: no JSON, a number beyond a double's range, more than kMaxJsonLevels of nesting, a key that
// stands twice in an object.
ParsedJson parse_foreign_json(std::string_view text);

}  // namespace pope
