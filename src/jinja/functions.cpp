// dict, namespace, range and others; and binding arguments to parameters.
#include "jinja/functions.h"

#include <fmt/format.h>

#include "jinja/operators.h"
#include "jinja/print.h"

namespace pope::jinja {
namespace {

// {"a": 1}, a=1: what dict and namespace are made of.
std::vector<std::pair<Value, Value>> pairs_of(const std::string& name, const Arguments& arguments) {
  std::vector<std::pair<Value, Value>> pairs;
  if (arguments.positional.size() > 1) throw Fault{"expected one dict and names for " + name};
  if (!arguments.positional.empty()) {
    const Dict* dict = arguments.positional[0].dict();
    if (dict == nullptr) throw Fault{name + " of " + arguments.positional[0].kind() + " is not supported"};
    pairs = dict->items;
  }
  for (const auto& [key, value] : arguments.named) pairs.emplace_back(Value(std::string_view(key)), value);
  return pairs;
}

Value namespace_function(Interpreter& interpreter, const Arguments& arguments) {
  std::vector<std::pair<std::string, Value>> names;
  const Value dict = Value::dict(pairs_of("namespace", arguments), interpreter.budget());
  for (const auto& [key, value] : dict.dict()->items) {
    if (key.text() == nullptr) throw Fault{"expected strings as names of a namespace, got " + key.kind()};
    names.emplace_back(utf8_of(*key.text()), value);
  }
  return interpreter.make_namespace(std::move(names));
}

Value dict_function(Interpreter& interpreter, const Arguments& arguments) {
  return Value::dict(pairs_of("dict", arguments), interpreter.budget());
}

Value range_function(Interpreter& interpreter, const Arguments& arguments) {
  constexpr std::int64_t kMost = 100'000;  // as in jinja2's sandbox
  if (!arguments.named.empty()) throw Fault{"range takes no arguments with names"};
  const Bound bound("range", arguments, {"start", "stop", "step"});
  for (const Value& value : arguments.positional) {
    if (!value.whole()) throw Fault{"expected whole numbers for range, got " + value.kind()};
  }
  const bool only_stop = arguments.positional.size() == 1;
  const std::int64_t start = only_stop ? 0 : *bound.required(0).whole();
  const std::int64_t stop = only_stop ? *bound.required(0).whole() : *bound.required(1).whole();
  const std::int64_t step = bound.whole(2, 1);
  if (step == 0) throw Fault{"expected a step other than 0 for range"};
  List items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<std::int64_t>(items.size()) == kMost)
      throw Fault{"expected a range of at most 100000 numbers, got more"};
    interpreter.budget().spend_items(1);
    items.push_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::sequence(SequenceKind::kRange, std::move(items));
}

Value raise_exception_function(Interpreter& interpreter, const Arguments& arguments) {
  const Bound bound("raise_exception", arguments, {"message"});
  throw Fault{"the template refuses this conversation: " +
              utf8_of(printed(bound.required(0), interpreter.budget()))};
}

int day_of_year(const Date& date) {
  constexpr int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  return before[date.month - 1] + date.day + (leap && date.month > 2 ? 1 : 0);
}

// 0: Sunday. Sakamoto's method.
int day_of_week(const Date& date) {
  constexpr int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  const int year = date.month < 3 ? date.year - 1 : date.year;
  return (year + year / 4 - year / 100 + year / 400 + shift[date.month - 1] + date.day) % 7;
}

std::string date_part(const Date& date, Char kind, bool bare) {
  constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  constexpr std::string_view days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
  const auto two = [&](int value) { return bare ? std::to_string(value) : fmt::format("{:02}", value); };
  const std::string month(months[date.month - 1]), day(days[day_of_week(date)]);
  if (kind == 'd') return two(date.day);
  if (kind == 'm') return two(date.month);
  if (bare) throw Fault{"this form of strftime_now is not supported"};
  if (kind == 'Y') return std::to_string(date.year);
  if (kind == 'y') return two(date.year % 100);
  if (kind == 'B') return month;
  if (kind == 'b') return month.substr(0, 3);
  if (kind == 'A') return day;
  if (kind == 'a') return day.substr(0, 3);
  if (kind == 'j') return fmt::format("{:03}", day_of_year(date));
  if (kind == 'F') return fmt::format("{}-{:02}-{:02}", date.year, date.month, date.day);
  if (kind == '%') return "%";
  throw Fault{"strftime_now of a time of day, or in this form, is not supported"};
}

Value strftime_now_function(Interpreter& interpreter, const Arguments& arguments) {
  const Bound bound("strftime_now", arguments, {"format"});
  if (bound.text(0) == nullptr) throw Fault{"expected a format for strftime_now, got none"};
  const Text& format = *bound.text(0);
  interpreter.budget().spend(format.size());
  Text result;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (code(format[i]) != '%') {
      result += format[i];
      continue;
    }
    const bool bare = i + 1 < format.size() && code(format[i + 1]) == '-';  // %-d: without a leading 0
    i += bare ? 2 : 1;
    result += text_of(date_part(*interpreter.date(), i < format.size() ? code(format[i]) : 0, bare));
  }
  return result;
}

Value unsupported_function(Interpreter&, const Arguments&) {
  throw Fault{"the functions lipsum, cycler and joiner are not supported"};
}

struct NamedFunction {
  std::string_view name;
  Value (*call)(Interpreter&, const Arguments&);
};
constexpr NamedFunction kFunctions[] = {
    {"cycler", unsupported_function},  {"dict", dict_function},
    {"joiner", unsupported_function},  {"lipsum", unsupported_function},
    {"namespace", namespace_function}, {"raise_exception", raise_exception_function},
    {"range", range_function},         {"strftime_now", strftime_now_function},
};

}  // namespace

std::optional<Value> global_of(Interpreter& interpreter, const std::string& name) {
  if (name == "self") throw Fault{"the variable 'self' is not supported"};
  if (name == "strftime_now" && !interpreter.date()) return std::nullopt;
  for (const NamedFunction& one : kFunctions) {
    if (one.name != name) continue;
    return Value(
        std::make_shared<const Function>(Function{name, [&interpreter, &one](const Arguments& arguments) {
                                                    return one.call(interpreter, arguments);
                                                  }}));
  }
  return std::nullopt;
}

Bound::Bound(const std::string& of, const Arguments& arguments,
             std::initializer_list<std::string_view> parameters)
    : of_(of), names_(parameters), values_(parameters.size(), nullptr) {
  if (arguments.positional.size() > values_.size()) {
    throw Fault{"expected at most " + std::to_string(values_.size()) + " arguments for '" + of + "', got " +
                std::to_string(arguments.positional.size())};
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    bool known = false;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] != name || values_[i] != nullptr) continue;
      values_[i] = &value;
      known = true;
    }
    if (!known) throw Fault{"the argument '" + name + "' of '" + of + "' is unknown or stands twice"};
  }
}

void Bound::fail(std::size_t parameter, const char* expected) const {
  throw Fault{std::string("expected ") + expected + " as argument '" + std::string(names_[parameter]) +
              "' of '" + of_ + "', got " +
              (values_[parameter] != nullptr ? values_[parameter]->kind() : "none")};
}

bool Bound::flag(std::size_t parameter, bool standard) const {
  return values_[parameter] == nullptr ? standard : truth(*values_[parameter]);
}

std::int64_t Bound::whole(std::size_t parameter, std::int64_t standard) const {
  if (values_[parameter] == nullptr) return standard;
  if (!values_[parameter]->whole()) fail(parameter, "an integer");
  return *values_[parameter]->whole();
}

const Text* Bound::text(std::size_t parameter) const {
  return values_[parameter] == nullptr ? nullptr : values_[parameter]->text();
}

const Value& Bound::required(std::size_t parameter) const {
  if (values_[parameter] == nullptr) fail(parameter, "a value");
  return *values_[parameter];
}

}  // namespace pope::jinja
