// Methods of strings, lists and dicts.
#include "jinja/methods.h"

#include <algorithm>

#include "core/chars.h"
#include "jinja/filters_text.h"
#include "jinja/functions.h"
#include "jinja/operators.h"

namespace pope::jinja {
namespace {

const Text& text_argument(const Bound& bound, std::size_t parameter) {
  if (bound.text(parameter) == nullptr)
    throw Fault{"expected a string as argument, got " + bound.required(parameter).kind()};
  return *bound.text(parameter);
}

template <Side kSide>
Value strip(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("strip", arguments, {"chars"});
  if (bound[0] != nullptr && !bound[0]->none() && bound.text(0) == nullptr) text_argument(bound, 0);
  interpreter.budget().spend(self.text()->size());
  return Value(stripped(*self.text(), kSide, bound.text(0)));
}

// Parts between white space, at most `most` cuts (negative: all).
std::vector<TextView> words_of(TextView text, std::int64_t most) {
  std::vector<TextView> words;
  while (true) {
    text = stripped(text, Side::kLeft);
    if (text.empty()) return words;
    std::size_t end = 0;
    while (end < text.size() && !is_space(text[end])) ++end;
    if (most-- == 0) end = text.size();
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

template <bool kFromRight>
Value split(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("split", arguments, {"sep", "maxsplit"});
  const TextView text = *self.text();
  std::int64_t most = bound.whole(1, -1);
  interpreter.budget().spend(text.size() + 1);
  std::vector<TextView> parts;
  if (bound[0] == nullptr || bound[0]->none()) {
    if (kFromRight && most >= 0) throw Fault{"rsplit at white space with a limit is not supported"};
    parts = words_of(text, most);
  } else {
    const TextView separator = text_argument(bound, 0);
    if (separator.empty()) throw Fault{"expected a separator to split at, got an empty string"};
    spend_search(text, separator, interpreter.budget());
    TextView rest = text;
    for (; most != 0; --most) {
      const std::size_t found = kFromRight ? rest.rfind(separator) : rest.find(separator);
      if (found == TextView::npos) break;
      parts.push_back(kFromRight ? rest.substr(found + separator.size()) : rest.substr(0, found));
      rest = kFromRight ? rest.substr(0, found) : rest.substr(found + separator.size());
    }
    parts.push_back(rest);
    if (kFromRight) std::reverse(parts.begin(), parts.end());
  }
  interpreter.budget().spend_items(parts.size());
  List list;
  for (const TextView part : parts) list.push_back(Value(part));
  return Value::list(std::move(list));
}

Value splitlines(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("splitlines", arguments, {"keepends"});
  if (bound.flag(0, false)) throw Fault{"splitlines that keeps line ends is not supported"};
  interpreter.budget().spend(self.text()->size() + 1);
  const std::vector<TextView> lines = lines_of(*self.text());
  interpreter.budget().spend_items(lines.size());
  List list;
  for (const TextView line : lines) list.push_back(Value(line));
  return Value::list(std::move(list));
}

// startswith and endswith: one string, or a tuple of which any will do.
template <bool kAtEnd>
Value starts_or_ends(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound(kAtEnd ? "endswith" : "startswith", arguments, {"prefix"});
  const Value& wanted = bound.required(0);
  const List options = wanted.is(SequenceKind::kTuple) ? wanted.sequence()->items : List{wanted};
  return std::any_of(options.begin(), options.end(), [&](const Value& option) {
    if (option.text() == nullptr)
      throw Fault{"expected a string or a tuple of strings, got " + option.kind()};
    interpreter.budget().spend(option.text()->size());
    return kAtEnd ? self.text()->ends_with(*option.text()) : self.text()->starts_with(*option.text());
  });
}

template <bool kAtEnd>
Value without(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("removeprefix", arguments, {"prefix"});
  const Text& part = text_argument(bound, 0);
  interpreter.budget().spend(self.text()->size() + part.size());
  TextView text = *self.text();
  if (kAtEnd && text.ends_with(part)) text.remove_suffix(part.size());
  if (!kAtEnd && text.starts_with(part)) text.remove_prefix(part.size());
  return Value(text);
}

// find, rfind, index, rindex: of a part, from the left or the right.
template <bool kFromRight, bool kMustBe>
Value find(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("find", arguments, {"sub"});
  const Text& part = text_argument(bound, 0);
  spend_search(*self.text(), part, interpreter.budget());
  const std::size_t at = kFromRight ? self.text()->rfind(part) : self.text()->find(part);
  if (at == Text::npos && kMustBe) throw Fault{"expected a string that contains another, got one without"};
  return at == Text::npos ? std::int64_t(-1) : static_cast<std::int64_t>(at);
}

Value count(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"sub"});
  if (const Sequence* sequence = self.sequence()) {
    const Value& wanted = bound.required(0);
    return std::int64_t(std::count_if(sequence->items.begin(), sequence->items.end(), [&](const Value& item) {
      return equal(item, wanted, interpreter.budget());
    }));
  }
  const Text& part = text_argument(bound, 0);
  if (part.empty()) throw Fault{"counting empty strings is not supported"};
  spend_search(*self.text(), part, interpreter.budget());
  std::int64_t found = 0;
  for (std::size_t at = self.text()->find(part); at != Text::npos;
       at = self.text()->find(part, at + part.size()))
    ++found;
  return found;
}

template <Text (*kChange)(TextView)>
Value changed(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("a method", arguments, {});
  interpreter.budget().spend(self.text()->size());
  return kChange(*self.text());
}

// str.title: each run of letters begins with a capital.
Text titled(TextView text) {
  Text result;
  bool begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += begins ? upper(text.substr(i, 1)) : lower(text.substr(i, 1));
    begins = !is_letter(static_cast<char>(code(text[i])));
  }
  return result;
}

// isdigit and its like: whether there are characters, and all are of a class. Known for ASCII only.
template <bool (*kHolds)(char)>
Value all_are(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("a method", arguments, {});
  interpreter.budget().spend(self.text()->size());
  bool all = !self.text()->empty();
  for (const Char c : *self.text()) {
    if (code(c) >= 0x80) throw Fault{"the class of characters beyond ASCII is not supported"};
    all = all && kHolds(static_cast<char>(code(c)));
  }
  return all;
}

Value isspace(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("isspace", arguments, {});
  interpreter.budget().spend(self.text()->size());
  return !self.text()->empty() && std::all_of(self.text()->begin(), self.text()->end(), is_space);
}

Value replace(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"});
  return replaced(*self.text(), text_argument(bound, 0), text_argument(bound, 1), bound.whole(2, -1),
                  interpreter.budget());
}

Value join(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("join", arguments, {"iterable"});
  Text result;
  bool first = true;
  for (const Value& item : items_of(bound.required(0), interpreter.budget())) {
    if (item.text() == nullptr) throw Fault{"expected strings to join, got " + item.kind()};
    interpreter.budget().spend(self.text()->size() + item.text()->size());
    if (!first) result += *self.text();
    result += *item.text();
    first = false;
  }
  return result;
}

Value get(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty()) throw Fault{"dict.get takes no arguments with names"};
  const Bound bound("get", arguments, {"key", "default"});
  const Value* found = self.dict()->find(bound.required(0), interpreter.budget());
  if (found != nullptr) return *found;
  return bound[1] != nullptr ? *bound[1] : Value(None{});
}

enum class Of { kKeys, kValues, kItems };
template <Of kOf>
Value view(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("a view", arguments, {});
  List items;
  interpreter.budget().spend_items(self.dict()->items.size());
  for (const auto& [key, value] : self.dict()->items) {
    items.push_back(kOf == Of::kKeys ? key : kOf == Of::kValues ? value : Value::tuple({key, value}));
  }
  return Value::sequence(SequenceKind::kView, std::move(items));
}

Value copy(Interpreter&, const Value& self, const Arguments& arguments) {
  const Bound bound("copy", arguments, {});
  return self;
}

Value index(Interpreter& interpreter, const Value& self, const Arguments& arguments) {
  const Bound bound("index", arguments, {"value"});
  const List& items = self.sequence()->items;
  const auto found = std::find_if(items.begin(), items.end(), [&](const Value& item) {
    return equal(item, bound.required(0), interpreter.budget());
  });
  if (found == items.end()) throw Fault{"expected a list that contains a value, got one without"};
  return static_cast<std::int64_t>(found - items.begin());
}

using Method = Value (*)(Interpreter&, const Value& self, const Arguments&);

struct NamedMethod {
  std::string_view name;
  Method method = nullptr;  // null: not supported
  bool changes = false;     // its object, which templates must not
};

const NamedMethod kOfStrings[] = {
    {"capitalize", changed<capitalized>},
    {"casefold"},
    {"center"},
    {"count", count},
    {"encode"},
    {"endswith", starts_or_ends<true>},
    {"expandtabs"},
    {"find", find<false, false>},
    {"format"},
    {"format_map"},
    {"index", find<false, true>},
    {"isalnum", all_are<is_alnum>},
    {"isalpha", all_are<is_letter>},
    {"isascii"},
    {"isdecimal", all_are<is_digit>},
    {"isdigit", all_are<is_digit>},
    {"isidentifier"},
    {"islower"},
    {"isnumeric", all_are<is_digit>},
    {"isprintable"},
    {"isspace", isspace},
    {"istitle"},
    {"isupper"},
    {"join", join},
    {"ljust"},
    {"lower", changed<lower>},
    {"lstrip", strip<Side::kLeft>},
    {"maketrans"},
    {"partition"},
    {"removeprefix", without<false>},
    {"removesuffix", without<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust"},
    {"rpartition"},
    {"rsplit", split<true>},
    {"rstrip", strip<Side::kRight>},
    {"split", split<false>},
    {"splitlines", splitlines},
    {"startswith", starts_or_ends<false>},
    {"strip", strip<Side::kBoth>},
    {"swapcase"},
    {"title", changed<titled>},
    {"translate"},
    {"upper", changed<upper>},
    {"zfill"},
};

const NamedMethod kOfLists[] = {
    {"append", nullptr, true},  {"clear", nullptr, true},  {"copy", copy},
    {"count", count},           {"extend", nullptr, true}, {"index", index},
    {"insert", nullptr, true},  {"pop", nullptr, true},    {"remove", nullptr, true},
    {"reverse", nullptr, true}, {"sort", nullptr, true},
};

const NamedMethod kOfTuples[] = {{"count", count}, {"index", index}};

const NamedMethod kOfDicts[] = {
    {"clear", nullptr, true},
    {"copy", copy},
    {"fromkeys"},
    {"get", get},
    {"items", view<Of::kItems>},
    {"keys", view<Of::kKeys>},
    {"pop", nullptr, true},
    {"popitem", nullptr, true},
    {"setdefault", nullptr, true},
    {"update", nullptr, true},
    {"values", view<Of::kValues>},
};

template <std::size_t kSize>
const NamedMethod* find_in(const NamedMethod (&methods)[kSize], std::string_view name) {
  const auto found =
      std::find_if(methods, methods + kSize, [&](const NamedMethod& one) { return one.name == name; });
  return found == methods + kSize ? nullptr : found;
}

const NamedMethod* find_method(const Value& self, std::string_view name) {
  if (self.text() != nullptr) return find_in(kOfStrings, name);
  if (self.dict() != nullptr) return find_in(kOfDicts, name);
  if (self.is(SequenceKind::kList)) return find_in(kOfLists, name);
  if (self.is(SequenceKind::kTuple)) return find_in(kOfTuples, name);
  constexpr std::string_view of_others[] = {"close",      "send",    "throw", "gi_frame", "gi_code",
                                            "isdisjoint", "mapping", "start", "stop",     "step",
                                            "index",      "count",   "name",  "arguments"};
  if (std::find(std::begin(of_others), std::end(of_others), name) == std::end(of_others)) return nullptr;
  throw Fault{"the attribute '" + std::string(name) + "' of " + self.kind() + " is not supported"};
}

}  // namespace

std::optional<Value> method_of(Interpreter& interpreter, const Value& self, const std::string& name) {
  const NamedMethod* known = find_method(self, name);
  if (known == nullptr) return std::nullopt;
  if (known->changes)
    return Undefined{"'" + name + "', which changes " + self.kind() + " and is forbidden in templates,"};
  if (self.string() != nullptr && self.string()->safe)
    throw Fault{"methods of a string from the filter 'safe' are not supported"};
  return std::make_shared<const Function>(
      Function{name, [&interpreter, self, known](const Arguments& arguments) {
                 if (known->method == nullptr) {
                   throw Fault{"the method '" + std::string(known->name) + "' is not supported"};
                 }
                 return known->method(interpreter, self, arguments);
               }});
}

}  // namespace pope::jinja
