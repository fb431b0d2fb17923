// Tests, what stands behind "is", each with the meaning it has in jinja2.
#pragma once

#include "jinja/interpreter.h"

namespace pope::jinja {

using Test = bool (*)(Interpreter&, const Value& input, const Arguments&);
Test find_test(std::string_view name);   // null: not supported
bool known_test(std::string_view name);  // jinja2 has it

}  // namespace pope::jinja
