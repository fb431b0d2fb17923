// What expressions of a template are worth: Python's values as far as chat templates see them. Values cannot
// be changed once made, as under jinja2's ImmutableSandboxedEnvironment; what can change is shared:
// namespaces, iterators, loops.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/text.h"

namespace pope::jinja {

// What a template cannot go on from: an error of its own, or something that is not supported. Template adds
// the line.
struct Fault {
  std::string message;
  std::string hint = {};
};

// A limit on what a template may do, so that none hangs or fills the memory: one unit for each character that
// is made or looked at and each item that is looked at, kItem for each item that is made, which takes that
// much more room than a character, and kStep for each expression and statement that is worked out.
class Budget {
 public:
  static constexpr std::size_t kStep = 16, kItem = 32;
  void spend(std::size_t units) {
    if (units > left_) throw Fault{"the template does too much for a chat template"};
    left_ -= units;
  }
  void spend_items(std::size_t items) { spend(items > left_ ? items : items * kItem); }

 private:
  std::size_t left_ = std::size_t(1) << 25;
};

class Value;
using List = std::vector<Value>;

struct Undefined {
  std::string what;  // for messages: "'user' is undefined"
};
struct None {};

struct String {
  Text text;
  bool safe = false;  // jinja2's Markup, which escapes what it is put together with
};

enum class SequenceKind {
  kList,
  kTuple,
  kRange,
  kView,      // dict.items() and its like: length, but no index
  kIterator,  // of filters such as map: can be gone through once
};

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  List items;
  std::size_t at = 0;  // of an iterator: the next item
  int depth = 1;       // of nesting
};

struct Dict {
  std::vector<std::pair<Value, Value>> items;  // in the order of insertion
  int depth = 1;
  const Value* find(const Value& key, Budget& budget) const;  // null: no such key
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> names;
};

// The arguments of a call, of a filter, of a test.
struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;
};

// What can be called: a macro, a global function, a method of a value.
struct Function {
  std::string name;
  std::function<Value(const Arguments&)> call;
};

struct Loop;  // the variable `loop`: loop.h

class Value {
 public:
  Value() : data_(Undefined{"an empty value"}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None none) : data_(none) {}
  Value(bool value) : data_(value) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(Text text, bool safe = false)
      : data_(std::make_shared<const String>(String{std::move(text), safe})) {}
  explicit Value(TextView text) : Value(Text(text)) {}
  explicit Value(std::string_view written) : Value(text_of(written)) {}
  Value(std::shared_ptr<Namespace> space) : data_(std::move(space)) {}
  Value(std::shared_ptr<const Function> function) : data_(std::move(function)) {}
  Value(std::shared_ptr<Loop> loop) : data_(std::move(loop)) {}
  // Fault: nested deeper than kMaxNesting.
  static Value sequence(SequenceKind kind, List items);
  static Value list(List items) { return sequence(SequenceKind::kList, std::move(items)); }
  static Value tuple(List items) { return sequence(SequenceKind::kTuple, std::move(items)); }
  static Value iterator(List items) { return sequence(SequenceKind::kIterator, std::move(items)); }
  // A key that stands twice has its last value. Fault: a key that is a list, tuple or dict; nested too deep.
  static Value dict(std::vector<std::pair<Value, Value>> items, Budget& budget);

  const Undefined* undefined() const { return std::get_if<Undefined>(&data_); }
  bool none() const { return std::holds_alternative<None>(data_); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const String* string() const { return get<const String>(); }
  const Text* text() const { return string() == nullptr ? nullptr : &string()->text; }
  Sequence* sequence() const { return get<Sequence>(); }
  const Dict* dict() const { return get<const Dict>(); }
  Namespace* space() const { return get<Namespace>(); }
  const Function* function() const { return get<const Function>(); }
  Loop* loop() const { return get<Loop>(); }

  bool is(SequenceKind kind) const { return sequence() != nullptr && sequence()->kind == kind; }
  // Python's int, of which bool is one.
  std::optional<std::int64_t> whole() const;
  std::optional<double> number() const;  // whole or real
  // Whether both are the same object: namespaces, functions, iterators, loops.
  bool same_object(const Value& other) const;
  int depth() const;         // of nesting
  std::string kind() const;  // "a list", for messages

 private:
  template <class T>
  T* get() const {
    const auto* pointer = std::get_if<std::shared_ptr<T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }
  std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const String>,
               std::shared_ptr<Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
               std::shared_ptr<const Function>, std::shared_ptr<Loop>>
      data_;
};

}  // namespace pope::jinja
