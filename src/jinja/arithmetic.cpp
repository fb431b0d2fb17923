// + - * / // % ** and % of strings.
#include "jinja/arithmetic.h"

#include "jinja/operators.h"
#include "jinja/print.h"

namespace pope::jinja {
namespace {

[[noreturn]] void refuse(const std::string& op, const Value& a, const Value& b) {
  throw Fault{"expected values that '" + op + "' can be applied to, got " + a.kind() + " and " + b.kind()};
}

[[noreturn]] void refuse_overflow() { throw Fault{"whole numbers beyond 64 bits are not supported"}; }

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0 || exponent > 64) throw Fault{"powers other than to 0 … 64 are not supported"};
  std::int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) refuse_overflow();
  }
  return result;
}

Value of_wholes(const std::string& op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  if (op == "+") overflow = __builtin_add_overflow(a, b, &result);
  if (op == "-") overflow = __builtin_sub_overflow(a, b, &result);
  if (op == "*") overflow = __builtin_mul_overflow(a, b, &result);
  if (overflow) refuse_overflow();
  if (op == "+" || op == "-" || op == "*") return result;
  if (op == "**") return power(a, b);
  if (b == 0) throw Fault{"division by zero"};
  if (op == "/") return static_cast<double>(a) / static_cast<double>(b);
  if (b == -1) return op == "%" ? Value(std::int64_t(0)) : of_wholes("-", 0, a);  // a / b may overflow
  const std::int64_t rest = a % b;
  const bool rounds_up = rest != 0 && (rest < 0) != (b < 0);  // C++ rounds towards zero, Python down
  if (op == "//") return a / b - (rounds_up ? 1 : 0);
  return rounds_up ? rest + b : rest;
}

Value of_reals(const std::string& op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") throw Fault{"powers of floats are not supported"};
  if (b == 0) throw Fault{"division by zero"};
  if (op == "/") return a / b;
  throw Fault{"'" + op + "' of floats is not supported"};
}

// How many characters or items `count` copies of `size` are; not below 0.
std::size_t repeated_size(std::int64_t count, std::size_t size) {
  std::size_t total = 0;
  if (count <= 0) return 0;
  return __builtin_mul_overflow(static_cast<std::size_t>(count), size, &total) ? SIZE_MAX : total;
}

// 'ab' * 2, [0] * 2.
Value repeated(const Value& value, std::int64_t count, Budget& budget) {
  if (const Text* text = value.text()) {
    const std::size_t size = repeated_size(count, text->size());
    budget.spend(size);
    Text result;
    while (result.size() < size) result += *text;
    return result;
  }
  const List& items = value.sequence()->items;
  const std::size_t size = repeated_size(count, items.size());
  budget.spend_items(size);
  List result;
  while (result.size() < size) result.insert(result.end(), items.begin(), items.end());
  return Value::sequence(value.sequence()->kind, std::move(result));
}

bool repeatable(const Value& value) {
  return value.text() != nullptr || value.is(SequenceKind::kList) || value.is(SequenceKind::kTuple);
}

// As Markup of jinja2 takes in other strings: without characters that HTML gives a meaning.
Text escaped(const Text& text) {
  Text result;
  for (const Char c : text) {
    const Char plain = code(c);
    const char* form = plain == '&'    ? "&amp;"
                       : plain == '<'  ? "&lt;"
                       : plain == '>'  ? "&gt;"
                       : plain == '\'' ? "&#39;"
                       : plain == '"'  ? "&#34;"
                                       : nullptr;
    if (form != nullptr) {
      result += text_of(form, c & kGiven);
    } else {
      result += c;
    }
  }
  return result;
}

Value joined_texts(const String& a, const String& b, Budget& budget) {
  budget.spend(a.text.size() + b.text.size());
  if (a.safe == b.safe) return Value(a.text + b.text, a.safe);
  return Value(a.safe ? a.text + escaped(b.text) : escaped(a.text) + b.text, true);
}

Value joined(const Value& a, const Value& b, Budget& budget) {
  if (a.string() != nullptr && b.string() != nullptr) return joined_texts(*a.string(), *b.string(), budget);
  const Sequence *x = a.sequence(), *y = b.sequence();
  if (x == nullptr || y == nullptr || x->kind != y->kind || !repeatable(a)) refuse("+", a, b);
  budget.spend_items(x->items.size() + y->items.size());
  List items = x->items;
  items.insert(items.end(), y->items.begin(), y->items.end());
  return Value::sequence(x->kind, std::move(items));
}

void refuse_safe(const Value& value) {
  if (value.string() != nullptr && value.string()->safe)
    throw Fault{"a string from the filter 'safe' in an operation is not supported"};
}

}  // namespace

Value arithmetic(const std::string& op, const Value& a, const Value& b, Budget& budget) {
  if (op != "+") refuse_safe(a), refuse_safe(b);
  if (a.undefined() != nullptr || b.undefined() != nullptr) refuse(op, a, b);
  if (a.whole() && b.whole()) return of_wholes(op, *a.whole(), *b.whole());
  if (const auto x = a.number(), y = b.number(); x && y) return of_reals(op, *x, *y);
  if (op == "+") return joined(a, b, budget);
  if (op == "*" && repeatable(a) && b.whole()) return repeated(a, *b.whole(), budget);
  if (op == "*" && repeatable(b) && a.whole()) return repeated(b, *a.whole(), budget);
  if (op == "%" && a.text() != nullptr) {
    return formatted(*a.text(), b.is(SequenceKind::kTuple) ? b.sequence()->items : List{b}, budget);
  }
  refuse(op, a, b);
}

Value negated(const Value& value) {
  if (const auto whole = value.whole()) return of_wholes("-", 0, *whole);
  if (const double* real = value.real()) return -*real;
  throw Fault{"expected a number behind '-', got " + value.kind()};
}

Value formatted(const Text& format, const List& values, Budget& budget) {
  Text result;
  std::size_t next = 0;
  for (std::size_t at = 0; at < format.size(); ++at) {
    budget.spend(1);
    if (code(format[at]) != '%') {
      result += format[at];
      continue;
    }
    const Char kind = ++at < format.size() ? code(format[at]) : 0;
    if (kind == '%') {
      result += format[at];
      continue;
    }
    if (kind != 's' && kind != 'd') throw Fault{"formats other than %s, %d and %% are not supported"};
    if (next == values.size()) throw Fault{"expected a value for each place of the format, got too few"};
    const Value& value = values[next++];
    if (kind == 'd' && !value.whole()) throw Fault{"expected an integer for %d, got " + value.kind()};
    result += printed(kind == 'd' ? Value(*value.whole()) : value, budget);
  }
  if (next != values.size()) throw Fault{"expected a place in the format for each value, got too few"};
  return result;
}

}  // namespace pope::jinja
