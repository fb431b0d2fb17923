// See interpreter.h: statements.
#include "jinja/interpreter.h"

#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"

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
                     parameters.end(), [&](const auto& one) { return one.name == given; });
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

}  // namespace pope::jinja
