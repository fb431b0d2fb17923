// See value.h.
#include "jinja/value.h"

#include <algorithm>

#include "jinja/operators.h"

namespace pope::jinja {
namespace {

// Deeper values would let recursion over them overflow the stack.
constexpr int kMaxNesting = 100;

int checked_depth(int deepest) {
  if (deepest >= kMaxNesting) throw Fault{"lists or dicts are nested too deep"};
  return deepest + 1;
}

}  // namespace

const Value* Dict::find(const Value& key, Budget& budget) const {
  for (const auto& [known, value] : items) {
    budget.spend(1);
    if (equal(known, key, budget)) return &value;
  }
  return nullptr;
}

Value Value::sequence(SequenceKind kind, List items) {
  int deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.depth());
  Value value;
  value.data_ = std::make_shared<Sequence>(Sequence{kind, std::move(items), 0, checked_depth(deepest)});
  return value;
}

Value Value::dict(std::vector<std::pair<Value, Value>> items, Budget& budget) {
  Dict dict;
  int deepest = 0;
  for (auto& [key, value] : items) {
    if (key.sequence() != nullptr || key.dict() != nullptr) {
      throw Fault{"expected a string or a number as key of a dict, got " + key.kind()};
    }
    deepest = std::max(deepest, value.depth());
    const auto known = std::find_if(dict.items.begin(), dict.items.end(), [&, &key = key](const auto& item) {
      budget.spend(1);
      return equal(item.first, key, budget);
    });
    if (known != dict.items.end()) {
      known->second = std::move(value);
    } else {
      dict.items.emplace_back(std::move(key), std::move(value));
    }
  }
  dict.depth = checked_depth(deepest);
  Value value;
  value.data_ = std::make_shared<const Dict>(std::move(dict));
  return value;
}

std::optional<std::int64_t> Value::whole() const {
  if (const bool* flag = boolean()) return *flag ? 1 : 0;
  if (const std::int64_t* number = integer()) return *number;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (real() != nullptr) return *real();
  if (const auto value = whole()) return static_cast<double>(*value);
  return std::nullopt;
}

bool Value::same_object(const Value& other) const {
  if (const auto* a = space()) return a == other.space();
  if (const auto* a = function()) return a == other.function();
  if (const auto* a = loop()) return a == other.loop();
  if (const auto* a = sequence()) return a == other.sequence();
  return false;
}

int Value::depth() const {
  if (const Sequence* items = sequence()) return items->depth;
  if (const Dict* items = dict()) return items->depth;
  return 0;
}

std::string Value::kind() const {
  if (const Undefined* nothing = undefined()) return nothing->what + ", which is undefined";
  if (none()) return "none";
  if (boolean() != nullptr) return "a boolean";
  if (integer() != nullptr) return "an integer";
  if (real() != nullptr) return "a float";
  if (string() != nullptr) return "a string";
  if (dict() != nullptr) return "a dict";
  if (space() != nullptr) return "a namespace";
  if (function() != nullptr) return "the function " + function()->name;
  if (loop() != nullptr) return "the variable loop";
  constexpr const char* names[] = {"a list", "a tuple", "a range", "a view of a dict", "an iterator"};
  return names[static_cast<int>(sequence()->kind)];
}

}  // namespace pope::jinja
