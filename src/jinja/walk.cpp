// See walk.h.
#include "jinja/walk.h"

#include <functional>

#include "jinja/filters.h"
#include "jinja/tests.h"

namespace pope::jinja {
namespace {

// Calls `visit` with each expression of a body, and whether a condition stands in front of it.
class Walk {
 public:
  explicit Walk(const std::function<void(const Expression&, bool)>& visit) : visit_(visit) {}

  void body(const Body& body, bool conditional) const {
    for (const Statement& statement : body) {
      const bool inner = conditional && statement.kind == Statement::Kind::kIf;
      expression(statement.target.get(), conditional);
      expression(statement.value.get(), conditional);
      expression(statement.condition.get(), false);
      for (const Parameter& parameter : statement.parameters) expression(parameter.standard.get(), false);
      for (const auto& [target, value] : statement.assignments) expression(value.get(), conditional);
      for (const Branch& branch : statement.branches) {
        expression(branch.condition.get(), true);
        this->body(branch.body, true);
      }
      this->body(statement.body, inner);
      this->body(statement.otherwise, inner);
    }
  }

 private:
  void expression(const Expression* one, bool conditional) const {
    if (one == nullptr) return;
    visit_(*one, conditional);
    const bool inner = conditional || one->kind == Expression::Kind::kConditional;
    for (const ExpressionPtr& part : one->parts) expression(part.get(), inner);
    for (const Argument& argument : one->arguments) expression(argument.value.get(), inner);
  }

  const std::function<void(const Expression&, bool)>& visit_;
};

}  // namespace

bool mentions(const Body& body, std::string_view name) {
  bool found = false;
  const std::function<void(const Expression&, bool)> look = [&](const Expression& one, bool) {
    found = found || (one.kind == Expression::Kind::kName && one.name == name);
  };
  Walk(look).body(body, false);
  return found;
}

void check_names(const Body& body) {
  const std::function<void(const Expression&, bool)> check = [](const Expression& one, bool conditional) {
    if (conditional) return;
    if (one.kind == Expression::Kind::kFilter && !known_filter(one.name)) {
      throw SyntaxFault{one.line, {"expected a filter of jinja2, got '" + one.name + "'"}};
    }
    if (one.kind == Expression::Kind::kTest && !known_test(one.name)) {
      throw SyntaxFault{one.line, {"expected a test of jinja2, got '" + one.name + "'"}};
    }
  };
  Walk(check).body(body, false);
}

}  // namespace pope::jinja
