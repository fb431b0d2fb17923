// Python's arithmetic on values. Whole numbers have 64 bits here; what needs more is refused. Whatever Python
// would raise an error for is a Fault.
#pragma once

#include <string>

#include "jinja/value.h"

namespace pope::jinja {

// One of + - * / // % **.
Value arithmetic(const std::string& op, const Value& a, const Value& b, Budget& budget);
Value negated(const Value& value);

// `format % values` of strings: %s, %d and %%.
Value formatted(const Text& format, const List& values, Budget& budget);

}  // namespace pope::jinja
