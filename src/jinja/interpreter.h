// Works a template's tree out: statements write text, expressions have values. One object renders once.
#pragma once

#include <deque>
#include <optional>

#include "jinja/syntax.h"

namespace pope::jinja {

// A day, for strftime_now.
struct Date {
  int year, month, day;  // month and day from 1
};

// Names and their values in a part of a template. What is not set here is looked up in the part around it.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> names;

  void set(const std::string& name, Value value);
  const Value* find(const std::string& name) const;
};
using ScopePtr = std::shared_ptr<Scope>;

// The variable `loop` of a running loop. Items are taken as they are needed, as the condition of the loop may
// change.
struct Loop {
  std::function<std::optional<Value>()> take;  // the next item that the loop goes through
  std::deque<Value> ahead;                     // taken, and not yet gone through
  std::optional<Value> previous, now;
  std::int64_t index0 = -1;
  int depth = 1;  // of recursive loops, which are not supported

  bool next();  // goes to the next item; false: there is none
  const Value* peek();
  std::int64_t length();
};

class Interpreter {
 public:
  explicit Interpreter(std::optional<Date> date) : date_(date) {}
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  Text run(const Body& body, std::vector<std::pair<std::string, Value>> variables);
  int line() const { return line_; }  // of what was worked out last

  // What filters, tests, methods and functions need.
  Budget& budget() { return budget_; }
  Value filtered(const std::string& name, const Value& input, const Arguments& arguments);
  bool tested(const std::string& name, const Value& input, const Arguments& arguments);
  Value attribute(const Value& value, const std::string& name);
  Value item(const Value& value, const Value& key);
  Value make_namespace(std::vector<std::pair<std::string, Value>> names);
  const std::optional<Date>& date() const { return date_; }

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Deeper;

  // Statements.
  Flow execute(const Body& body, const ScopePtr& scope);
  Flow execute(const Statement& statement, const ScopePtr& scope);
  Flow execute_if(const Statement& statement, const ScopePtr& scope);
  Flow execute_for(const Statement& statement, const ScopePtr& scope);
  void execute_set(const Statement& statement, const ScopePtr& scope);
  void execute_with(const Statement& statement, const ScopePtr& scope);
  void execute_call(const Statement& statement, const ScopePtr& scope);
  std::shared_ptr<Loop> loop_over(const Statement& statement, const ScopePtr& scope);
  Value macro(const Statement& statement, const std::string& name, const ScopePtr& scope);
  Value call_macro(const Statement& statement, const std::string& name, const ScopePtr& scope,
                   const Arguments& arguments);
  Text captured(const Body& body, const ScopePtr& scope);
  void assign(const Expression& target, Value value, const ScopePtr& scope);
  void write(TextView text);

  // Expressions.
  Value evaluate(const Expression& expression, const ScopePtr& scope);
  Value evaluate_parts(const Expression& expression, const ScopePtr& scope);
  Value name_value(const std::string& name, const ScopePtr& scope);
  Value call(const Expression& expression, const ScopePtr& scope);
  Value filter(const Expression& expression, const ScopePtr& scope, const Value* input);
  Value comparison(const Expression& expression, const ScopePtr& scope);
  Value through_filters(const Expression& filters, const ScopePtr& scope, Value input);
  Arguments arguments_of(const Expression& expression, const ScopePtr& scope);
  Value loop_attribute(Loop& loop, const std::string& name);

  const std::optional<Date> date_;
  Budget budget_;
  Text* out_ = nullptr;
  int line_ = 1;
  int depth_ = 0;  // of recursion
  // What may hold itself: its names are dropped at the end.
  std::vector<ScopePtr> scopes_;
  std::vector<std::shared_ptr<Namespace>> spaces_;
};

// Bounds the recursion of the interpreter.
class Interpreter::Deeper {
 public:
  explicit Deeper(Interpreter& interpreter) : interpreter_(interpreter) {
    if (++interpreter_.depth_ > kMost) {
      --interpreter_.depth_;
      throw Fault{"the template calls itself too deep"};
    }
  }
  ~Deeper() { --interpreter_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  static constexpr int kMost = 1000;
  Interpreter& interpreter_;
};

}  // namespace pope::jinja
