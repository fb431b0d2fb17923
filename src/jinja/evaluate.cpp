// See interpreter.h: expressions.
#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/interpreter.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace pope::jinja {

using Kind = Expression::Kind;

Value Interpreter::evaluate(const Expression& expression, const ScopePtr& scope) {
  const Deeper deeper(*this);
  budget_.spend(Budget::kStep);
  line_ = expression.line;
  const auto part = [&](std::size_t i) { return evaluate(*expression.parts[i], scope); };
  switch (expression.kind) {
    case Kind::kConstant:
      return expression.value;
    case Kind::kName:
      return name_value(expression.name, scope);
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kDict:
    case Kind::kConcatenate:
    case Kind::kSlice:
      return evaluate_parts(expression, scope);
    case Kind::kAttribute:
      return attribute(part(0), expression.name);
    case Kind::kItem:
      return item(part(0), part(1));
    case Kind::kCall:
      return call(expression, scope);
    case Kind::kFilter:
      return filter(expression, scope, nullptr);
    case Kind::kTest: {
      const Value input = part(0);
      return tested(expression.name, input, arguments_of(expression, scope));
    }
    case Kind::kNot:
      return !truth(part(0));
    case Kind::kNegative:
      return negated(part(0));
    case Kind::kPositive: {
      const Value value = part(0);
      if (!value.whole() && value.real() == nullptr)
        throw Fault{"expected a number behind '+', got " + value.kind()};
      return value.whole() ? Value(*value.whole()) : value;
    }
    case Kind::kArithmetic: {
      const Value left = part(0);
      return arithmetic(expression.name, left, part(1), budget_);
    }
    case Kind::kCompare:
      return comparison(expression, scope);
    case Kind::kAnd: {
      Value left = part(0);
      return truth(left) ? part(1) : left;
    }
    case Kind::kOr: {
      Value left = part(0);
      return truth(left) ? left : part(1);
    }
    case Kind::kConditional:
      if (truth(part(0))) return part(1);
      return expression.parts[2] != nullptr ? part(2) : Value(Undefined{"an inline 'if' without 'else'"});
    case Kind::kTarget:
      break;
  }
  throw Fault{"a target is no expression"};
}

// Of expressions whose parts are all worked out first.
Value Interpreter::evaluate_parts(const Expression& expression, const ScopePtr& scope) {
  List values;
  for (const ExpressionPtr& part : expression.parts) {
    values.push_back(part != nullptr ? evaluate(*part, scope) : Value(None{}));
  }
  switch (expression.kind) {
    case Kind::kTuple:
      return Value::tuple(std::move(values));
    case Kind::kList:
      return Value::list(std::move(values));
    case Kind::kSlice:
      return slice_of(values[0], &values[1], &values[2], &values[3], budget_);
    case Kind::kConcatenate: {
      Text text;
      for (const Value& value : values) text += printed(value, budget_);
      return text;
    }
    default:
      std::vector<std::pair<Value, Value>> items;
      for (std::size_t i = 0; i < values.size(); i += 2) items.emplace_back(values[i], values[i + 1]);
      return Value::dict(std::move(items), budget_);
  }
}

Value Interpreter::name_value(const std::string& name, const ScopePtr& scope) {
  if (const Value* value = scope->find(name)) return *value;
  if (std::optional<Value> value = global_of(*this, name)) return *value;
  return Undefined{"'" + name + "'"};
}

Arguments Interpreter::arguments_of(const Expression& expression, const ScopePtr& scope) {
  Arguments arguments;
  for (const Argument& one : expression.arguments) {
    Value value = evaluate(*one.value, scope);
    if (one.name.empty()) {
      arguments.positional.push_back(std::move(value));
    } else if (one.name == "*") {
      for (Value& item : items_of(value, budget_)) arguments.positional.push_back(std::move(item));
    } else if (one.name == "**") {
      if (value.dict() == nullptr) throw Fault{"expected a dict behind '**', got " + value.kind()};
      for (const auto& [key, item] : value.dict()->items) {
        if (key.text() == nullptr) throw Fault{"expected names behind '**', got " + key.kind()};
        arguments.named.emplace_back(utf8_of(*key.text()), item);
      }
    } else {
      arguments.named.emplace_back(one.name, std::move(value));
    }
  }
  return arguments;
}

Value Interpreter::call(const Expression& expression, const ScopePtr& scope) {
  const Value called = evaluate(*expression.parts[0], scope);
  if (called.undefined() != nullptr && called.undefined()->what == "'strftime_now'") {
    throw Fault{"the template asks for today's date, and none is given",
                "set prompt.date_string, e.g. to 2026-03-07"};
  }
  if (called.function() == nullptr) throw Fault{"expected a function to call, got " + called.kind()};
  const Arguments arguments = arguments_of(expression, scope);
  line_ = expression.line;
  return called.function()->call(arguments);
}

Value Interpreter::filter(const Expression& expression, const ScopePtr& scope, const Value* input) {
  const Value value = input != nullptr ? *input : evaluate(*expression.parts[0], scope);
  const Arguments arguments = arguments_of(expression, scope);
  line_ = expression.line;
  return filtered(expression.name, value, arguments);
}

// A chain of filters whose innermost has no input: that of a block.
Value Interpreter::through_filters(const Expression& filters, const ScopePtr& scope, Value input) {
  const ExpressionPtr& inner = filters.parts[0];
  if (inner != nullptr) input = through_filters(*inner, scope, std::move(input));
  return filter(filters, scope, &input);
}

Value Interpreter::comparison(const Expression& expression, const ScopePtr& scope) {
  Value left = evaluate(*expression.parts[0], scope);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.parts[i + 1], scope);
    if (!compare(expression.operators[i], left, right, budget_)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::filtered(const std::string& name, const Value& input, const Arguments& arguments) {
  const Deeper deeper(*this);
  const Filter filter = find_filter(name);
  if (filter == nullptr) throw Fault{"the filter '" + name + "' is not supported"};
  constexpr std::string_view harmless[] = {"safe", "string", "tojson", "length", "count", "default", "d"};
  if (input.string() != nullptr && input.string()->safe &&
      std::find(std::begin(harmless), std::end(harmless), name) == std::end(harmless)) {
    throw Fault{"the filter '" + name + "' behind 'safe' is not supported"};
  }
  return filter(*this, input, arguments);
}

bool Interpreter::tested(const std::string& name, const Value& input, const Arguments& arguments) {
  const Test test = find_test(name);
  if (test == nullptr) throw Fault{"the test '" + name + "' is not supported"};
  return test(*this, input, arguments);
}

Value Interpreter::attribute(const Value& value, const std::string& name) {
  if (value.undefined() != nullptr)
    throw Fault{value.undefined()->what + " is undefined and has no '" + name + "'"};
  if (name.starts_with("__")) throw Fault{"the attribute '" + name + "' is not supported"};
  if (const Namespace* space = value.space()) {
    for (const auto& [known, one] : space->names) {
      if (known == name) return one;
    }
  } else if (Loop* loop = value.loop()) {
    return loop_attribute(*loop, name);
  } else if (value.function() != nullptr || value.sequence() != nullptr || value.text() != nullptr ||
             value.dict()) {
    if (std::optional<Value> method = method_of(*this, value, name)) return *method;
    if (const Dict* dict = value.dict()) {
      if (const Value* found = dict->find(Value(std::string_view(name)), budget_)) return *found;
    }
  }
  return Undefined{"'" + name + "' of " + value.kind()};
}

Value Interpreter::item(const Value& value, const Value& key) {
  if (value.undefined() != nullptr) throw Fault{value.undefined()->what + " is undefined and has no items"};
  if (std::optional<Value> found = item_of(value, key, budget_)) return *found;
  if (const Text* name = key.text()) {
    const std::string plain = utf8_of(*name);
    // What is no item of a dict may be a method of it; another look for the item would not find it either.
    if (value.dict() == nullptr || method_of(*this, value, plain)) return attribute(value, plain);
    return Undefined{"'" + plain + "' of a dict"};
  }
  return Undefined{"an item of " + value.kind()};
}

Value Interpreter::loop_attribute(Loop& loop, const std::string& name) {
  const auto or_undefined = [&](const Value* value) {
    return value != nullptr ? *value : Value(Undefined{"'loop." + name + "'"});
  };
  if (name == "index") return loop.index0 + 1;
  if (name == "index0") return loop.index0;
  if (name == "first") return loop.index0 == 0;
  if (name == "last") return loop.peek() == nullptr;
  if (name == "length") return loop.length();
  if (name == "revindex") return loop.length() - loop.index0;
  if (name == "revindex0") return loop.length() - loop.index0 - 1;
  if (name == "depth") return std::int64_t(loop.depth);
  if (name == "depth0") return std::int64_t(loop.depth) - 1;
  if (name == "previtem") return or_undefined(loop.previous ? &*loop.previous : nullptr);
  if (name == "nextitem") return or_undefined(loop.peek());
  throw Fault{"'loop." + name + "' is not supported"};
}

Value Interpreter::make_namespace(std::vector<std::pair<std::string, Value>> names) {
  for (const auto& [name, value] : names) {
    if (name.starts_with('_')) throw Fault{"names of a namespace that begin with '_' are forbidden"};
  }
  auto space = std::make_shared<Namespace>(Namespace{std::move(names)});
  spaces_.push_back(space);
  return space;
}

}  // namespace pope::jinja
