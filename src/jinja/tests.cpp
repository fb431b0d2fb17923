// The table of tests.
#include "jinja/tests.h"

#include <algorithm>

#include "jinja/filters.h"
#include "jinja/functions.h"
#include "jinja/operators.h"

namespace pope::jinja {
namespace {

void none_expected(const std::string& name, const Arguments& arguments) { Bound(name, arguments, {}); }

// A test of the value alone.
template <bool (*kHolds)(const Value&)>
bool simple(Interpreter&, const Value& input, const Arguments& arguments) {
  none_expected("a test", arguments);
  return kHolds(input);
}

bool is_defined(const Value& value) { return value.undefined() == nullptr; }
bool is_undefined(const Value& value) { return value.undefined() != nullptr; }
bool is_none(const Value& value) { return value.none(); }
bool is_boolean(const Value& value) { return value.boolean() != nullptr; }
bool is_true(const Value& value) { return value.boolean() != nullptr && *value.boolean(); }
bool is_false(const Value& value) { return value.boolean() != nullptr && !*value.boolean(); }
bool is_integer(const Value& value) { return value.integer() != nullptr; }
bool is_float(const Value& value) { return value.real() != nullptr; }
bool is_number(const Value& value) { return value.whole() || value.real() != nullptr; }
bool is_string(const Value& value) { return value.string() != nullptr; }
bool is_mapping(const Value& value) { return value.dict() != nullptr; }
bool is_callable(const Value& value) { return value.function() != nullptr || value.undefined() != nullptr; }
bool is_escaped(const Value& value) { return value.string() != nullptr && value.string()->safe; }

bool is_iterable(const Value& value) {
  if (value.loop() != nullptr) throw Fault{"the test 'iterable' of loop is not supported"};
  return value.undefined() || value.text() || value.sequence() || value.dict();
}
bool is_sequence(const Value& value) {
  if (value.loop() != nullptr) throw Fault{"the test 'sequence' of loop is not supported"};
  return length_of(value).has_value() && !value.is(SequenceKind::kView);
}

std::int64_t whole_for(const char* test, const Value& value) {
  if (!value.whole())
    throw Fault{std::string("expected an integer for the test '") + test + "', got " + value.kind()};
  return *value.whole();
}

bool is_odd(const Value& value) { return whole_for("odd", value) % 2 != 0; }
bool is_even(const Value& value) { return whole_for("even", value) % 2 == 0; }

bool divisible_by(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("divisibleby", arguments, {"num"});
  const std::int64_t by = whole_for("divisibleby", bound.required(0));
  if (by == 0) throw Fault{"division by zero"};
  return by == -1 || whole_for("divisibleby", input) % by == 0;
}

// Whether a string has letters, all of them of one case.
template <bool (*kWanted)(char), bool (*kOther)(char)>
bool all_of_case(const Value& value) {
  if (value.text() == nullptr) throw Fault{"expected a string for a test of case, got " + value.kind()};
  bool any = false;
  for (const Char c : *value.text()) {
    if (code(c) >= 0x80) throw Fault{"the case of characters beyond ASCII is not supported"};
    if (kOther(static_cast<char>(code(c)))) return false;
    any = any || kWanted(static_cast<char>(code(c)));
  }
  return any;
}

bool lower_char(char c) { return c >= 'a' && c <= 'z'; }
bool upper_char(char c) { return c >= 'A' && c <= 'Z'; }

bool same_as(Interpreter&, const Value& input, const Arguments& arguments) {
  const Bound bound("sameas", arguments, {"other"});
  const Value& other = bound.required(0);
  const auto single = [](const Value& value) { return value.none() || value.boolean() != nullptr; };
  if (!single(input) && !single(other))
    throw Fault{"the test 'sameas' with other than true, false or none is not supported"};
  if (input.boolean() && other.boolean()) return *input.boolean() == *other.boolean();
  return input.none() && other.none();
}

const char* const kOperators[] = {"==", "!=", "<", "<=", ">", ">=", "in"};

template <int kOperator>
bool compared(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound(kOperators[kOperator], arguments, {"other"});
  return compare(kOperators[kOperator], input, bound.required(0), interpreter.budget());
}

bool is_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  none_expected("filter", arguments);
  return input.text() != nullptr && known_filter(utf8_of(*input.text()));
}

bool is_test(Interpreter&, const Value& input, const Arguments& arguments) {
  none_expected("test", arguments);
  return input.text() != nullptr && known_test(utf8_of(*input.text()));
}

struct NamedTest {
  std::string_view name;
  Test test;
};
const NamedTest kTests[] = {
    {"!=", compared<1>},
    {"<", compared<2>},
    {"<=", compared<3>},
    {"==", compared<0>},
    {">", compared<4>},
    {">=", compared<5>},
    {"boolean", simple<is_boolean>},
    {"callable", simple<is_callable>},
    {"defined", simple<is_defined>},
    {"divisibleby", divisible_by},
    {"eq", compared<0>},
    {"equalto", compared<0>},
    {"escaped", simple<is_escaped>},
    {"even", simple<is_even>},
    {"false", simple<is_false>},
    {"filter", is_filter},
    {"float", simple<is_float>},
    {"ge", compared<5>},
    {"greaterthan", compared<4>},
    {"gt", compared<4>},
    {"in", compared<6>},
    {"integer", simple<is_integer>},
    {"iterable", simple<is_iterable>},
    {"le", compared<3>},
    {"lessthan", compared<2>},
    {"lower", simple<all_of_case<lower_char, upper_char>>},
    {"lt", compared<2>},
    {"mapping", simple<is_mapping>},
    {"ne", compared<1>},
    {"none", simple<is_none>},
    {"number", simple<is_number>},
    {"odd", simple<is_odd>},
    {"sameas", same_as},
    {"sequence", simple<is_sequence>},
    {"string", simple<is_string>},
    {"test", is_test},
    {"true", simple<is_true>},
    {"undefined", simple<is_undefined>},
    {"upper", simple<all_of_case<upper_char, lower_char>>},
};

}  // namespace

Test find_test(std::string_view name) {
  for (const NamedTest& one : kTests) {
    if (one.name == name) return one.test;
  }
  return nullptr;
}

bool known_test(std::string_view name) { return find_test(name) != nullptr; }

}  // namespace pope::jinja
