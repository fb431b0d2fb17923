// See print.h. Forms are those of CPython's str, repr and json.dumps.
#include "jinja/print.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pope::jinja {
namespace {

Text ascii(std::string_view text) { return text_of(text); }

// repr of a float: the fewest digits that read back as the same number.
std::string float_form(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view form(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = form.find('e');
  const int exponent = std::stoi(std::string(form.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) return std::string(form);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string result(buffer, static_cast<std::size_t>(fixed - buffer));
  return result.find('.') == std::string::npos ? result + ".0" : result;
}

std::string number_form(const Value& value) {
  return value.integer() != nullptr ? std::to_string(*value.integer()) : float_form(*value.real());
}

// str.isprintable of Python: no control or format character, and no separator but the space.
bool printable(Char c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

// Adds text that stands for a character and has its mark.
void add_for(Char c, std::string_view form, Text& out) { out += text_of(form, c & kGiven); }

void add_quoted(const Text& text, Text& out) {
  const bool double_quotes = text.find('\'') != Text::npos && text.find('"') == Text::npos;
  const Char quote = double_quotes ? '"' : '\'';
  out += quote;
  for (const Char c : text) {
    const Char plain = code(c);
    if (plain == quote || plain == '\\') {
      add_for(c, "\\", out);
      out += c;
    } else if (plain == '\n' || plain == '\r' || plain == '\t') {
      add_for(c, plain == '\n' ? "\\n" : plain == '\r' ? "\\r" : "\\t", out);
    } else if (printable(plain)) {
      out += c;
    } else if (plain < 0x100) {
      add_for(c, fmt::format("\\x{:02x}", static_cast<unsigned>(plain)), out);
    } else if (plain < 0x10000) {
      add_for(c, fmt::format("\\u{:04x}", static_cast<unsigned>(plain)), out);
    } else {
      add_for(c, fmt::format("\\U{:08x}", static_cast<unsigned>(plain)), out);
    }
  }
  out += quote;
}

class Printer {
 public:
  Printer(Text& out, Budget& budget) : out_(out), budget_(budget) {}

  // repr(value).
  void add(const Value& value) {
    budget_.spend(1);
    if (value.none()) {
      out_ += ascii("None");
    } else if (const bool* flag = value.boolean()) {
      out_ += ascii(*flag ? "True" : "False");
    } else if (value.integer() != nullptr || value.real() != nullptr) {
      out_ += ascii(number_form(value));
    } else if (const Text* text = value.text()) {
      if (value.string()->safe)
        throw Fault{"printing a list with a string from the filter 'safe' is not supported"};
      budget_.spend(text->size());
      add_quoted(*text, out_);
    } else if (const Dict* dict = value.dict()) {
      add_dict(*dict);
    } else if (value.is(SequenceKind::kList) || value.is(SequenceKind::kTuple)) {
      add_sequence(*value.sequence());
    } else if (value.undefined() != nullptr) {
      out_ += ascii("Undefined");
    } else {
      throw Fault{"printing " + value.kind() + " is not supported"};
    }
  }

 private:
  void add_sequence(const Sequence& sequence) {
    const bool tuple = sequence.kind == SequenceKind::kTuple;
    out_ += tuple ? U'(' : U'[';
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) out_ += ascii(", ");
      add(sequence.items[i]);
    }
    if (tuple && sequence.items.size() == 1) out_ += U',';
    out_ += tuple ? U')' : U']';
  }

  void add_dict(const Dict& dict) {
    out_ += U'{';
    for (std::size_t i = 0; i < dict.items.size(); ++i) {
      if (i > 0) out_ += ascii(", ");
      add(dict.items[i].first);
      out_ += ascii(": ");
      add(dict.items[i].second);
    }
    out_ += U'}';
  }

  Text& out_;
  Budget& budget_;
};

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Text& out, Budget& budget) : style_(style), out_(out), budget_(budget) {}

  void add(const Value& value) {
    budget_.spend(1);
    if (const Text* text = value.text()) {
      add_string(*text);
    } else if (const Dict* dict = value.dict()) {
      add_dict(*dict);
    } else if (value.is(SequenceKind::kList) || value.is(SequenceKind::kTuple)) {
      add_all(value.sequence()->items.size(), '[', ']',
              [&](std::size_t i) { add(value.sequence()->items[i]); });
    } else {
      out_ += ascii(simple(value));
    }
  }

 private:
  static std::string simple(const Value& value) {
    if (value.none()) return "null";
    if (const bool* flag = value.boolean()) return *flag ? "true" : "false";
    if (value.integer() != nullptr) return number_form(value);
    if (const double* real = value.real()) {
      if (std::isnan(*real)) return "NaN";
      if (std::isinf(*real)) return *real < 0 ? "-Infinity" : "Infinity";
      return number_form(value);
    }
    throw Fault{"expected a value that JSON can hold, got " + value.kind()};
  }

  void new_line() {
    out_ += U'\n';
    for (int i = 0; i < level_; ++i) out_ += *style_.indent;
    budget_.spend(static_cast<std::size_t>(level_) * style_.indent->size());
  }

  template <class Add>
  void add_all(std::size_t count, char open, char close, const Add& add_one) {
    out_ += static_cast<Char>(open);
    ++level_;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += style_.item_separator;
      budget_.spend(style_.item_separator.size());
      if (style_.indent) new_line();
      add_one(i);
    }
    --level_;
    if (style_.indent && count > 0) new_line();
    out_ += static_cast<Char>(close);
  }

  void add_dict(const Dict& dict) {
    std::vector<std::size_t> order(dict.items.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto key = [&](std::size_t i) -> const Text& {
      const Text* text = dict.items[i].first.text();
      if (text == nullptr) throw Fault{"JSON of a dict with keys other than strings is not supported"};
      return *text;
    };
    for (const std::size_t i : order) key(i);
    if (style_.sort_keys) {
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    }
    add_all(order.size(), '{', '}', [&](std::size_t i) {
      add_string(key(order[i]));
      out_ += style_.key_separator;
      budget_.spend(style_.key_separator.size());
      add(dict.items[order[i]].second);
    });
  }

  void add_string(const Text& text) {
    budget_.spend(text.size());
    out_ += U'"';
    for (const Char c : text) {
      const Char plain = code(c);
      constexpr std::u32string_view short_forms = U"\"\\\n\r\t\f\b";
      const std::size_t at = short_forms.find(plain);
      if (at != std::u32string_view::npos) {
        add_for(c, std::string{'\\', "\"\\nrtfb"[at]}, out_);
      } else if (plain < 0x20 || (style_.ensure_ascii && plain > 0x7E)) {
        add_escape(c);
      } else {
        out_ += c;
      }
    }
    out_ += U'"';
  }

  void add_escape(Char c) {
    const auto plain = static_cast<unsigned>(code(c));
    if (plain < 0x10000) {
      add_for(c, fmt::format("\\u{:04x}", plain), out_);
    } else {  // two halves of UTF-16
      const unsigned rest = plain - 0x10000;
      add_for(c, fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF)), out_);
    }
  }

  const JsonStyle& style_;
  Text& out_;
  Budget& budget_;
  int level_ = 0;
};

}  // namespace

Text printed(const Value& value, Budget& budget) {
  if (const Text* text = value.text()) {
    budget.spend(text->size());
    return *text;
  }
  Text out;
  if (value.undefined() == nullptr) Printer(out, budget).add(value);
  return out;
}

Text json_of(const Value& value, const JsonStyle& style, Budget& budget) {
  Text out;
  JsonWriter(style, out, budget).add(value);
  return out;
}

}  // namespace pope::jinja
