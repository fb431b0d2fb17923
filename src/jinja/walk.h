// What can be said of a template's tree without working it out.
#pragma once

#include <optional>

#include "jinja/lexer.h"
#include "jinja/syntax.h"

namespace pope::jinja {

// Whether `name` is read somewhere in `body`.
bool mentions(const Body& body, std::string_view name);

// Throws SyntaxFault where a filter or test has a name that jinja2 does not know, unless a condition stands
// in front of it: jinja2 then finds out when it gets there.
void check_names(const Body& body);

}  // namespace pope::jinja
