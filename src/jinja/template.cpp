// See template.h.
#include "jinja/template.h"

#include "core/error.h"
#include "jinja/parser.h"
#include "jinja/walk.h"

namespace pope::jinja {
namespace {

[[noreturn]] void fail(int line, const Fault& fault) {
  throw Error("chat template", "line " + std::to_string(line) + ": " + fault.message, fault.hint);
}

}  // namespace

Template::Template(std::string_view source) {
  try {
    Body body = Parser(tokens_of(text_of(source))).parse();
    check_names(body);
    body_ = std::make_shared<const Body>(std::move(body));
  } catch (const SyntaxFault& syntax) {
    fail(syntax.line, syntax.fault);
  }
}

Text Template::render(const std::vector<std::pair<std::string, Value>>& variables,
                      std::optional<Date> date) const {
  Interpreter interpreter(date);
  try {
    return interpreter.run(*body_, variables);
  } catch (const Fault& fault) {
    fail(interpreter.line(), fault);
  }
}

}  // namespace pope::jinja
