// Filters, what stands behind "|", each with the meaning it has in jinja2. Names that jinja2 knows and this
// room lacks are told apart from names that nobody knows.
#pragma once

#include "jinja/interpreter.h"

namespace pope::jinja {

using Filter = Value (*)(Interpreter&, const Value& input, const Arguments&);
// Null: not supported.
Filter find_filter(std::string_view name);
bool known_filter(std::string_view name);  // jinja2 has it

}  // namespace pope::jinja
