// Filters of texts; changing case is for ASCII only.
#include "jinja/filters_text.h"

#include <algorithm>

#include "core/chars.h"
#include "jinja/arithmetic.h"
#include "jinja/filters.h"
#include "jinja/functions.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace pope::jinja {
namespace {

// How a letter's case changes; beyond ASCII that depends on tables and languages.
Char changed_case(Char c, bool to_upper) {
  if (code(c) >= 0x80) throw Fault{"changing the case of characters beyond ASCII is not supported"};
  const bool changes = to_upper ? is_lower(static_cast<char>(code(c))) : is_upper(static_cast<char>(code(c)));
  return changes ? c ^ 0x20 : c;
}

}  // namespace

Text upper(TextView text) {
  Text result;
  for (const Char c : text) result += changed_case(c, true);
  return result;
}

Text lower(TextView text) {
  Text result;
  for (const Char c : text) result += changed_case(c, false);
  return result;
}

Text capitalized(TextView text) {
  return text.empty() ? Text() : upper(text.substr(0, 1)) + lower(text.substr(1));
}

Text replaced(TextView text, TextView from, TextView to, std::int64_t most, Budget& budget) {
  if (from.empty()) throw Fault{"replacing the empty string is not supported"};
  spend_search(text, from, budget);
  Text result;
  std::size_t at = 0;
  for (; most != 0; --most) {
    const std::size_t found = text.find(from, at);
    if (found == TextView::npos) break;
    budget.spend(to.size());
    result += text.substr(at, found - at);
    result += to;
    at = found + from.size();
  }
  result += text.substr(at);
  return result;
}

namespace {

Text soft_text(Interpreter& interpreter, const Value& value) { return printed(value, interpreter.budget()); }

Value string_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("string", arguments, {});
  return input.string() != nullptr ? input : soft_text(interpreter, input);
}

Value safe_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("safe", arguments, {});
  return Value(soft_text(interpreter, input), true);
}

Value upper_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("upper", arguments, {});
  return upper(soft_text(interpreter, input));
}

Value lower_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("lower", arguments, {});
  return lower(soft_text(interpreter, input));
}

Value capitalize_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("capitalize", arguments, {});
  return capitalized(soft_text(interpreter, input));
}

// Words begin behind white space and -({[<.
Value title_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("title", arguments, {});
  Text result;
  bool begins = true;
  for (const Char c : soft_text(interpreter, input)) {
    const bool between =
        is_space(c) || std::u32string_view(U"-({[<").find(code(c)) != std::u32string_view::npos;
    result += changed_case(c, begins && !between);
    begins = between;
  }
  return result;
}

Value trim_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("trim", arguments, {"chars"});
  return Value(stripped(soft_text(interpreter, input), Side::kBoth, bound.text(0)));
}

Value replace_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"});
  const bool all = bound[2] == nullptr || bound[2]->none();
  return replaced(soft_text(interpreter, input), soft_text(interpreter, bound.required(0)),
                  soft_text(interpreter, bound.required(1)), all ? -1 : bound.whole(2, -1),
                  interpreter.budget());
}

Value join_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("join", arguments, {"d", "attribute"});
  const Text between = bound[0] != nullptr ? soft_text(interpreter, *bound[0]) : Text();
  List items = items_of(input, interpreter.budget());
  if (bound[1] != nullptr && !bound[1]->none()) {
    Arguments attribute;
    attribute.named.emplace_back("attribute", *bound[1]);
    items =
        items_of(interpreter.filtered("map", Value::list(std::move(items)), attribute), interpreter.budget());
  }
  Text result;
  for (std::size_t i = 0; i < items.size(); ++i) {
    interpreter.budget().spend(between.size());
    if (i > 0) result += between;
    result += soft_text(interpreter, items[i]);
  }
  return result;
}

Value indent_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("indent", arguments, {"width", "first", "blank"});
  if (input.text() == nullptr) throw Fault{"expected a string to indent, got " + input.kind()};
  Text indent;
  if (bound[0] != nullptr && bound[0]->text() != nullptr) {
    indent = *bound[0]->text();
  } else {
    const std::int64_t width = bound.whole(0, 4);
    if (width > 1000) throw Fault{"indenting by more than 1000 spaces is not supported"};
    indent.assign(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), U' ');
  }
  const bool blank = bound.flag(2, false);
  Text result = bound.flag(1, false) ? indent : Text();
  const Text text = *input.text() + Text(1, U'\n');
  bool first = true;
  for (const TextView line : lines_of(text)) {
    interpreter.budget().spend(line.size() + indent.size());
    if (!first) result += U'\n';
    if (!first && (blank || !line.empty())) result += indent;
    result += line;
    first = false;
  }
  return result;
}

Value format_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  if (!arguments.named.empty()) throw Fault{"the filter 'format' with names is not supported"};
  return formatted(soft_text(interpreter, input), arguments.positional, interpreter.budget());
}

Value tojson_filter(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const Bound bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound.flag(0, false);
  style.sort_keys = bound.flag(3, false);
  if (bound[1] != nullptr && bound[1]->text() != nullptr) {
    style.indent = *bound[1]->text();
  } else if (bound[1] != nullptr && !bound[1]->none()) {
    const std::int64_t width = bound.whole(1, 0);
    if (width > 1000) throw Fault{"indenting by more than 1000 spaces is not supported"};
    style.indent = Text(static_cast<std::size_t>(std::max<std::int64_t>(width, 0)), U' ');
  }
  if (style.indent) style.item_separator = text_of(",");
  if (bound[2] != nullptr && !bound[2]->none()) {
    const Sequence* pair = bound[2]->sequence();
    if (pair == nullptr || pair->items.size() != 2 || !pair->items[0].text() || !pair->items[1].text()) {
      throw Fault{"expected two strings as separators of tojson, got " + bound[2]->kind()};
    }
    style.item_separator = *pair->items[0].text();
    style.key_separator = *pair->items[1].text();
  }
  return json_of(input, style, interpreter.budget());
}

struct NamedFilter {
  std::string_view name;
  Filter filter;
};
constexpr NamedFilter kFilters[] = {
    {"capitalize", capitalize_filter},
    {"format", format_filter},
    {"indent", indent_filter},
    {"join", join_filter},
    {"lower", lower_filter},
    {"replace", replace_filter},
    {"safe", safe_filter},
    {"string", string_filter},
    {"title", title_filter},
    {"tojson", tojson_filter},
    {"trim", trim_filter},
    {"upper", upper_filter},
};

}  // namespace

Filter find_text_filter(std::string_view name) {
  for (const NamedFilter& one : kFilters) {
    if (one.name == name) return one.filter;
  }
  return nullptr;
}

}  // namespace pope::jinja
