// Methods of strings, lists and dicts, each with the meaning it has in CPython.
#pragma once

#include "jinja/interpreter.h"

namespace pope::jinja {

// The attribute `name` that strings, lists and dicts have of themselves: a method, or undefined where a
// method would change the value, which templates must not. nullopt: no such attribute.
std::optional<Value> method_of(Interpreter& interpreter, const Value& self, const std::string& name);

}  // namespace pope::jinja
