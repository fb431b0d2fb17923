// Chat templates: the subset of Jinja that they use, rendered as jinja2 3.1 does in the environment that
// transformers sets up (trim_blocks, lstrip_blocks, an immutable sandbox, loop controls, {% generation %},
// raise_exception, strftime_now, its own tojson). What is not supported is refused by name; a template never
// renders to anything else than there. Pure: no file, clock or network; time, memory and recursion are
// bounded.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "jinja/interpreter.h"

namespace pope::jinja {

class Template {
 public:
  // Error, with the line: no template, or a statement that is not supported.
  explicit Template(std::string_view source);

  // The text, in which each character knows whether it was given by a variable. `date`: the day of
  // strftime_now; without one templates do not find that function. Error, with the line: what jinja2 raises
  // an error for (raise_exception of the template, too), or what is not supported.
  Text render(const std::vector<std::pair<std::string, Value>>& variables,
              std::optional<Date> date = {}) const;

 private:
  std::shared_ptr<const Body> body_;
};

}  // namespace pope::jinja
