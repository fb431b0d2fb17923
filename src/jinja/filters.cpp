// Filters of lists, dicts and numbers, and the table of all.
#include "jinja/filters.h"

#include <algorithm>
#include <charconv>

#include "jinja/arithmetic.h"
#include "jinja/filters_text.h"
#include "jinja/functions.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace pope::jinja {
namespace {

// An attribute path of map, selectattr, join …: "function.name", "0.text".
Value path_value(Interpreter& interpreter, Value value, const Value& path, const Value* standard = nullptr) {
  List keys;
  if (const Text* text = path.text()) {
    std::string part;
    for (const char c : utf8_of(*text) + ".") {
      if (c != '.') {
        part += c;
        continue;
      }
      std::int64_t index = 0;
      const auto end = std::from_chars(part.data(), part.data() + part.size(), index);
      const bool whole =
          !part.empty() && part[0] != '-' && end.ec == std::errc() && end.ptr == part.data() + part.size();
      keys.push_back(whole ? Value(index) : Value(std::string_view(part)));
      part.clear();
    }
  } else {
    keys.push_back(path);
  }
  for (const Value& key : keys) {
    value = interpreter.item(value, key);
    if (standard != nullptr && !standard->none() && value.undefined() != nullptr) value = *standard;
  }
  return value;
}

// What sorting and unique compare by: letters of both cases are the same unless told otherwise.
Value case_key(Interpreter& interpreter, const Value& value, const Value* attribute, bool case_sensitive) {
  Value key = attribute == nullptr || attribute->none() ? value : path_value(interpreter, value, *attribute);
  if (case_sensitive || key.text() == nullptr) return key;
  interpreter.budget().spend(key.text()->size());
  return lower(*key.text());
}

Value default_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("default", arguments, {"default_value", "boolean"});
  const bool use = input.undefined() != nullptr || (bound.flag(1, false) && !truth(input));
  if (!use) return input;
  return bound[0] != nullptr ? *bound[0] : Value(Text());
}

Value length_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("length", arguments, {});
  const auto length = length_of(input);
  if (!length) throw Fault{"expected something with a length, got " + input.kind()};
  return static_cast<std::int64_t>(*length);
}

Value list_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("list", arguments, {});
  return Value::list(items_of(input, interpreter.budget()));
}

Value first_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("first", arguments, {});
  if (input.is(SequenceKind::kIterator)) {
    Sequence& sequence = *input.sequence();
    return sequence.at < sequence.items.size() ? sequence.items[sequence.at++]
                                               : Value(Undefined{"the first of no items"});
  }
  const List items = items_of(input, interpreter.budget());
  return items.empty() ? Value(Undefined{"the first of no items"}) : items.front();
}

Value last_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("last", arguments, {});
  if (!length_of(input)) throw Fault{"expected a list or string to take the last of, got " + input.kind()};
  const List items = items_of(input, interpreter.budget());
  return items.empty() ? Value(Undefined{"the last of no items"}) : items.back();
}

Value reverse_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("reverse", arguments, {});
  if (const Text* text = input.text()) {
    interpreter.budget().spend(text->size());
    return Text(text->rbegin(), text->rend());
  }
  if (!length_of(input) || input.undefined() != nullptr)
    throw Fault{"expected a list or string to reverse, got " + input.kind()};
  List items = items_of(input, interpreter.budget());
  std::reverse(items.begin(), items.end());
  return Value::iterator(std::move(items));
}

Value items_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("items", arguments, {});
  List items;
  if (input.undefined() == nullptr) {
    if (input.dict() == nullptr)
      throw Fault{"expected a dict in front of the filter 'items', got " + input.kind()};
    interpreter.budget().spend_items(input.dict()->items.size());
    for (const auto& [key, value] : input.dict()->items) items.push_back(Value::tuple({key, value}));
  }
  return Value::iterator(std::move(items));
}

// The items of map, select and their like, which take what is false for nothing.
List items_if_any(const Value& input, Budget& budget) {
  return truth(input) ? items_of(input, budget) : List();
}

struct Keyed {
  Value key, value;
};

List sorted(std::vector<Keyed> keyed, bool reverse, Budget& budget) {
  // sorted(…, reverse=True) keeps equal items in order, too.
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(b.key, a.key, budget) : less(a.key, b.key, budget);
  });
  List result;
  for (Keyed& one : keyed) result.push_back(std::move(one.value));
  return result;
}

Value dictsort_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  if (input.dict() == nullptr) throw Fault{"expected a dict to sort, got " + input.kind()};
  const std::string by = bound.text(1) != nullptr ? utf8_of(*bound.text(1)) : "key";
  if (by != "key" && by != "value") throw Fault{"expected 'key' or 'value' to sort by, got '" + by + "'"};
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.dict()->items) {
    interpreter.budget().spend_items(1);
    keyed.push_back({case_key(interpreter, by == "key" ? key : value, nullptr, bound.flag(0, false)),
                     Value::tuple({key, value})});
  }
  return Value::list(sorted(std::move(keyed), bound.flag(2, false), interpreter.budget()));
}

Value sort_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  if (bound.text(2) != nullptr && bound.text(2)->find(U',') != Text::npos)
    throw Fault{"sorting by several attributes is not supported"};
  std::vector<Keyed> keyed;
  for (const Value& item : items_of(input, interpreter.budget())) {
    keyed.push_back({case_key(interpreter, item, bound[2], bound.flag(1, false)), item});
  }
  return Value::list(sorted(std::move(keyed), bound.flag(0, false), interpreter.budget()));
}

Value unique_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("unique", arguments, {"case_sensitive", "attribute"});
  List seen, result;
  for (const Value& item : items_of(input, interpreter.budget())) {
    Value key = case_key(interpreter, item, bound[1], bound.flag(0, false));
    if (key.sequence() != nullptr || key.dict() != nullptr)
      throw Fault{"expected items that can be hashed, got " + key.kind()};
    if (contains(Value::list(seen), key, interpreter.budget())) continue;
    seen.push_back(std::move(key));
    interpreter.budget().spend(seen.size());
    result.push_back(item);
  }
  return Value::iterator(std::move(result));
}

Value map_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  List result;
  if (arguments.positional.empty()) {
    const Bound bound("map", arguments, {"attribute", "default"});
    const Value attribute = bound.required(0);
    for (const Value& item : items_if_any(input, interpreter.budget())) {
      result.push_back(path_value(interpreter, item, attribute, bound[1]));
    }
    return Value::iterator(std::move(result));
  }
  const Text* name = arguments.positional[0].text();
  if (name == nullptr)
    throw Fault{"expected the name of a filter for map, got " + arguments.positional[0].kind()};
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  for (const Value& item : items_if_any(input, interpreter.budget())) {
    interpreter.budget().spend(1);
    result.push_back(interpreter.filtered(utf8_of(*name), item, rest));
  }
  return Value::iterator(std::move(result));
}

// select, reject: by a test of the items; selectattr, rejectattr: by a test of an attribute of theirs.
template <bool kKeep, bool kAttribute>
Value select_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  Arguments rest = arguments;
  const auto take = [&]() -> std::optional<Value> {
    if (rest.positional.empty()) return std::nullopt;
    Value first = rest.positional.front();
    rest.positional.erase(rest.positional.begin());
    return first;
  };
  std::optional<Value> attribute;
  if (kAttribute) {
    attribute = take();
    if (!attribute) throw Fault{"expected the name of an attribute to select by, got none"};
  }
  const std::optional<Value> test = take();
  if (test && test->text() == nullptr)
    throw Fault{"expected the name of a test to select by, got " + test->kind()};
  List result;
  for (const Value& item : items_if_any(input, interpreter.budget())) {
    interpreter.budget().spend(1);
    const Value looked_at = attribute ? path_value(interpreter, item, *attribute) : item;
    const bool passes = test ? interpreter.tested(utf8_of(*test->text()), looked_at, rest) : truth(looked_at);
    if (passes == kKeep) result.push_back(item);
  }
  return Value::iterator(std::move(result));
}

// What int() and float() make of a string; nullopt: no number.
template <class Number>
std::optional<Number> parsed(const Text& text) {
  std::string form = utf8_of(stripped(text, Side::kBoth));
  if (form.starts_with('+') && !form.starts_with("+-")) form.erase(0, 1);
  if (form.find('_') != std::string::npos) throw Fault{"numbers with '_' in a string are not supported"};
  Number number{};
  const auto end = std::from_chars(form.data(), form.data() + form.size(), number);
  if (end.ec == std::errc::result_out_of_range) throw Fault{"a number in a string is too large"};
  if (end.ec != std::errc() || end.ptr != form.data() + form.size()) return std::nullopt;
  return number;
}

Value float_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("float", arguments, {"default"});
  if (const double* real = input.real()) return *real;
  if (const auto whole = input.whole()) return static_cast<double>(*whole);
  if (input.undefined() != nullptr)
    throw Fault{"expected a number for the filter 'float', got " + input.kind()};
  const auto number = input.text() != nullptr ? parsed<double>(*input.text()) : std::nullopt;
  return number ? Value(*number) : bound[0] != nullptr ? *bound[0] : Value(0.0);
}

Value int_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("int", arguments, {"default", "base"});
  if (bound.whole(1, 10) != 10) throw Fault{"the filter 'int' to another base than 10 is not supported"};
  if (const auto whole = input.whole()) return *whole;
  if (input.undefined() != nullptr)
    throw Fault{"expected a number for the filter 'int', got " + input.kind()};
  std::optional<double> real;
  if (input.real() != nullptr) real = *input.real();
  if (const Text* text = input.text()) {
    if (const auto whole = parsed<std::int64_t>(*text)) return *whole;
    real = parsed<double>(*text);
  }
  if (real && *real > -9e18 && *real < 9e18) return static_cast<std::int64_t>(*real);
  if (real && *real == *real && *real < 1e308 && *real > -1e308)
    throw Fault{"whole numbers beyond 64 bits are not supported"};
  return bound[0] != nullptr ? *bound[0] : Value(std::int64_t(0));
}

Value abs_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("abs", arguments, {});
  if (const double* real = input.real()) return *real < 0 ? -*real : *real;
  if (!input.whole()) throw Fault{"expected a number for the filter 'abs', got " + input.kind()};
  return *input.whole() < 0 ? negated(input) : Value(*input.whole());
}

struct NamedFilter {
  std::string_view name;
  Filter filter;
};
constexpr NamedFilter kFilters[] = {
    {"abs", abs_filter},
    {"count", length_filter},
    {"d", default_filter},
    {"default", default_filter},
    {"dictsort", dictsort_filter},
    {"first", first_filter},
    {"float", float_filter},
    {"int", int_filter},
    {"items", items_filter},
    {"last", last_filter},
    {"length", length_filter},
    {"list", list_filter},
    {"map", map_filter},
    {"reject", select_filter<false, false>},
    {"rejectattr", select_filter<false, true>},
    {"reverse", reverse_filter},
    {"select", select_filter<true, false>},
    {"selectattr", select_filter<true, true>},
    {"sort", sort_filter},
    {"unique", unique_filter},
};

// Those of jinja2 that are not supported.
constexpr std::string_view kOthers[] = {
    "attr",     "batch",     "center", "e",         "escape",   "filesizeformat", "forceescape", "groupby",
    "max",      "min",       "pprint", "random",    "round",    "slice",          "striptags",   "sum",
    "truncate", "urlencode", "urlize", "wordcount", "wordwrap", "xmlattr"};

}  // namespace

Filter find_filter(std::string_view name) {
  for (const NamedFilter& one : kFilters) {
    if (one.name == name) return one.filter;
  }
  return find_text_filter(name);
}

bool known_filter(std::string_view name) {
  return find_filter(name) != nullptr ||
         std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
}

}  // namespace pope::jinja
