// Global functions of templates, and the arguments of any call by the names of its parameters.
#pragma once

#include <initializer_list>

#include "jinja/interpreter.h"

namespace pope::jinja {

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

}  // namespace pope::jinja
