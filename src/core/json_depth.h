// A guard in front of the JSON parser. Parsing deeply nested text is safe, but copying, printing or comparing
// the value recurses and would overflow the stack. So code that reads foreign files refuses such text first.
#pragma once

#include <string_view>

namespace pope {

constexpr int kMaxJsonLevels = 200;

// Whether JSON text has more than kMaxJsonLevels of brackets within brackets. One pass; strings are skipped.
bool nested_too_deep(std::string_view json);

}  // namespace pope
