// Statements first, then expressions.
#include "jinja/interpreter.h"

#include <algorithm>

#include "jinja/arithmetic.h"
#include "jinja/filters.h"
#include "jinja/functions.h"
#include "jinja/methods.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/tests.h"

namespace pope::jinja {

void Scope::set(const std::string& name, Value value) {
  for (auto& [known, old] : names) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  names.emplace_back(name, std::move(value));
}

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    for (const auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

bool Loop::next() {
  if (peek() == nullptr) return false;
  previous = std::move(now);
  now = std::move(ahead.front());
  ahead.pop_front();
  ++index0;
  return true;
}

const Value* Loop::peek() {
  if (ahead.empty()) {
    if (std::optional<Value> item = take()) ahead.push_back(std::move(*item));
  }
  return ahead.empty() ? nullptr : &ahead.front();
}

std::int64_t Loop::length() {
  while (std::optional<Value> item = take()) ahead.push_back(std::move(*item));
  return index0 + 1 + static_cast<std::int64_t>(ahead.size());
}

Interpreter::~Interpreter() {
  for (const ScopePtr& scope : scopes_) scope->names.clear();
  for (const auto& space : spaces_) space->names.clear();
}

Text Interpreter::run(const Body& body, std::vector<std::pair<std::string, Value>> variables) {
  Text text;
  out_ = &text;
  execute(body, std::make_shared<Scope>(Scope{nullptr, std::move(variables)}));
  return text;
}

void Interpreter::write(TextView text) {
  budget_.spend(text.size());
  *out_ += text;
}

// What a body writes, in a scope of its own.
Text Interpreter::captured(const Body& body, const ScopePtr& scope) {
  Text text;
  Text* const out = std::exchange(out_, &text);
  try {
    execute(body, std::make_shared<Scope>(Scope{scope, {}}));
  } catch (...) {
    out_ = out;
    throw;
  }
  out_ = out;
  return text;
}

Interpreter::Flow Interpreter::execute(const Body& body, const ScopePtr& scope) {
  for (const Statement& statement : body) {
    const Flow flow = execute(statement, scope);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, const ScopePtr& scope) {
  using Kind = Statement::Kind;
  const Deeper deeper(*this);
  budget_.spend(Budget::kStep);
  line_ = statement.line;
  switch (statement.kind) {
    case Kind::kText:
      write(statement.text);
      break;
    case Kind::kOutput:
      write(printed(evaluate(*statement.value, scope), budget_));
      break;
    case Kind::kIf:
      return execute_if(statement, scope);
    case Kind::kFor:
      return execute_for(statement, scope);
    case Kind::kSet:
    case Kind::kSetBlock:
      execute_set(statement, scope);
      break;
    case Kind::kMacro:
      scopes_.push_back(scope);
      scope->set(statement.name, macro(statement, statement.name, scope));
      break;
    case Kind::kCall:
      execute_call(statement, scope);
      break;
    case Kind::kFilter:
      write(printed(through_filters(*statement.value, scope, captured(statement.body, scope)), budget_));
      break;
    case Kind::kWith:
      execute_with(statement, scope);
      break;
    case Kind::kGeneration:
      write(captured(statement.body, scope));
      break;
    case Kind::kBreak:
      return Flow::kBreak;
    case Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute_if(const Statement& statement, const ScopePtr& scope) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition == nullptr || truth(evaluate(*branch.condition, scope)))
      return execute(branch.body, scope);
  }
  return Flow::kNext;
}

std::shared_ptr<Loop> Interpreter::loop_over(const Statement& statement, const ScopePtr& scope) {
  const Value source = evaluate(*statement.value, scope);
  // Items of an iterator are taken one by one: those behind a break stay in it.
  auto items = std::make_shared<Sequence>();
  const bool iterator = source.is(SequenceKind::kIterator);
  if (!iterator) items->items = items_of(source, budget_);
  auto loop = std::make_shared<Loop>();
  loop->take = [this, &statement, scope, source, iterator, items]() -> std::optional<Value> {
    Sequence& from = iterator ? *source.sequence() : *items;
    while (from.at < from.items.size()) {
      budget_.spend(Budget::kStep);
      Value item = from.items[from.at++];
      if (statement.condition != nullptr) {
        const auto inner = std::make_shared<Scope>(Scope{scope, {}});
        assign(*statement.target, item, inner);
        if (!truth(evaluate(*statement.condition, inner))) continue;
      }
      return item;
    }
    return std::nullopt;
  };
  return loop;
}

Interpreter::Flow Interpreter::execute_for(const Statement& statement, const ScopePtr& scope) {
  const std::shared_ptr<Loop> loop = loop_over(statement, scope);
  while (loop->next()) {
    const auto inner = std::make_shared<Scope>(Scope{scope, {{"loop", loop}}});
    assign(*statement.target, *loop->now, inner);
    if (execute(statement.body, inner) == Flow::kBreak) break;
  }
  loop->take = [] { return std::nullopt; };
  if (loop->index0 < 0) return execute(statement.otherwise, scope);
  return Flow::kNext;
}

void Interpreter::execute_set(const Statement& statement, const ScopePtr& scope) {
  if (statement.kind == Statement::Kind::kSet) {
    assign(*statement.target, evaluate(*statement.value, scope), scope);
    return;
  }
  Value value = captured(statement.body, scope);
  if (statement.value != nullptr) value = through_filters(*statement.value, scope, std::move(value));
  assign(*statement.target, std::move(value), scope);
}

void Interpreter::execute_with(const Statement& statement, const ScopePtr& scope) {
  const auto inner = std::make_shared<Scope>(Scope{scope, {}});
  List values;
  for (const auto& [target, value] : statement.assignments) values.push_back(evaluate(*value, scope));
  for (std::size_t i = 0; i < values.size(); ++i) assign(*statement.assignments[i].first, values[i], inner);
  execute(statement.body, inner);
}

void Interpreter::execute_call(const Statement& statement, const ScopePtr& scope) {
  const Value called = evaluate(*statement.value->parts[0], scope);
  if (called.function() == nullptr) throw Fault{"expected a macro to call, got " + called.kind()};
  Arguments arguments = arguments_of(*statement.value, scope);
  arguments.named.emplace_back("caller", macro(statement, "caller", scope));
  scopes_.push_back(scope);
  write(printed(called.function()->call(arguments), budget_));
}

Value Interpreter::macro(const Statement& statement, const std::string& name, const ScopePtr& scope) {
  return std::make_shared<const Function>(
      Function{name, [this, &statement, name, scope](const Arguments& arguments) {
                 return call_macro(statement, name, scope, arguments);
               }});
}

Value Interpreter::call_macro(const Statement& statement, const std::string& name, const ScopePtr& scope,
                              const Arguments& arguments) {
  const Deeper deeper(*this);
  const auto inner = std::make_shared<Scope>(Scope{scope, {}});
  const std::vector<Parameter>& parameters = statement.parameters;
  if (arguments.positional.size() > parameters.size()) {
    throw Fault{"expected at most " + std::to_string(parameters.size()) + " arguments for the macro " + name};
  }
  if (statement.has_caller) inner->set("caller", Undefined{"the caller of a macro"});
  for (const auto& [given, value] : arguments.named) {
    const auto known =
        std::find_if(parameters.begin() + static_cast<std::ptrdiff_t>(arguments.positional.size()),
                     parameters.end(), [&given = given](const auto& one) { return one.name == given; });
    if (known == parameters.end() && !(statement.has_caller && given == "caller")) {
      throw Fault{"the macro " + name + " has no parameter '" + given + "' left"};
    }
    inner->set(given, value);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& one = parameters[i];
    if (i < arguments.positional.size()) {
      inner->set(one.name, arguments.positional[i]);
      continue;
    }
    const auto has = [&](const auto& named) { return named.first == one.name; };
    if (std::any_of(arguments.named.begin(), arguments.named.end(), has)) continue;
    inner->set(one.name, one.standard != nullptr ? evaluate(*one.standard, inner)
                                                 : Value(Undefined{"the parameter '" + one.name + "'"}));
  }
  return captured(statement.body, inner);
}

void Interpreter::assign(const Expression& target, Value value, const ScopePtr& scope) {
  if (target.kind == Expression::Kind::kName) {
    scope->set(target.name, std::move(value));
  } else if (target.kind == Expression::Kind::kTarget) {
    const Value space = name_value(target.parts[0]->name, scope);
    if (space.space() == nullptr)
      throw Fault{"expected a namespace to set an attribute of, got " + space.kind()};
    if (target.name.starts_with('_')) throw Fault{"names of a namespace that begin with '_' are forbidden"};
    auto& names = space.space()->names;
    const auto known =
        std::find_if(names.begin(), names.end(), [&](const auto& one) { return one.first == target.name; });
    if (known == names.end()) {
      names.emplace_back(target.name, std::move(value));
    } else {
      known->second = std::move(value);
    }
  } else {
    const List items = items_of(value, budget_);
    if (items.size() != target.parts.size()) {
      throw Fault{"expected " + std::to_string(target.parts.size()) + " values to assign, got " +
                  std::to_string(items.size())};
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(*target.parts[i], items[i], scope);
  }
}

// Expressions.

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
