// What templates find by name: filters, tests, methods of strings, lists and dicts, global functions. Each
// has the meaning it has in jinja2 and CPython. Names that those know and this room lacks are told apart from
// names that nobody knows.
#pragma once

#include <initializer_list>

#include "jinja/interpreter.h"

namespace pope::jinja {

using Filter = Value (*)(Interpreter&, const Value& input, const Arguments&);
using Test = bool (*)(Interpreter&, const Value& input, const Arguments&);
using Method = Value (*)(Interpreter&, const Value& self, const Arguments&);

// Null: not supported. known_…: whether jinja2 has it.
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);
bool known_filter(std::string_view name);
bool known_test(std::string_view name);

// The attribute `name` that strings, lists and dicts have of themselves: a method, or undefined where a
// method would change the value, which templates must not. nullopt: no such attribute.
std::optional<Value> method_of(Interpreter& interpreter, const Value& self, const std::string& name);
// A global function or class; nullopt: none of this name.
std::optional<Value> global_of(Interpreter& interpreter, const std::string& name);

// The arguments of a call by the names of its parameters. Fault: too many, or one of another name.
class Bound {
 public:
  Bound(const std::string& of, const Arguments& arguments,
        std::initializer_list<std::string_view> parameters);
  const Value* operator[](std::size_t parameter) const { return values_[parameter]; }  // null: not given
  // Of the type asked for, or `standard` where not given. Fault: of another type.
  bool flag(std::size_t parameter, bool standard) const;
  std::int64_t whole(std::size_t parameter, std::int64_t standard) const;
  const Text* text(std::size_t parameter) const;  // null: not given, or none
  const Value& required(std::size_t parameter) const;

 private:
  [[noreturn]] void fail(std::size_t parameter, const char* expected) const;
  const std::string of_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

// filters_text.cpp: those that make texts.
Filter find_text_filter(std::string_view name);

// Functions of texts that filters and methods share.
Text upper(TextView text);
Text lower(TextView text);
Text capitalized(TextView text);
Text replaced(TextView text, TextView from, TextView to, std::int64_t most, Budget& budget);

}  // namespace pope::jinja
