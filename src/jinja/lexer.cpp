// See lexer.h. The rules are those of jinja2.lexer.
#include "jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "core/chars.h"

namespace pope::jinja {
namespace {

// Without "\r", and without the last line end.
Text normalised(const Text& source) {
  Text text;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (code(source[i]) == '\r') {
      text += U'\n';
      if (i + 1 < source.size() && code(source[i + 1]) == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (text.ends_with(U'\n')) text.pop_back();
  return text;
}

bool is_ascii(Char c, bool (*test)(char)) { return c < 0x80 && test(static_cast<char>(c)); }

class Lexer {
 public:
  explicit Lexer(const Text& source) : source_(normalised(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) root();
    add(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw SyntaxFault{line_, {message}}; }

  Char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? code(source_[at_ + ahead]) : 0;
  }
  bool starts(std::string_view ascii, std::size_t at) const {
    return TextView(source_).substr(std::min(at, source_.size())).starts_with(text_of(ascii));
  }
  void add(TokenKind kind, std::string name = "", Value value = Value()) {
    tokens_.push_back({kind, line_, std::move(name), std::move(value)});
  }
  void add_data(TextView text) {
    if (!text.empty()) add(TokenKind::kData, "", Value(text));
  }
  void advance_to(std::size_t at) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at), U'\n'));
    line_start_ = at > at_ && code(source_[at - 1]) == '\n';
    at_ = at;
  }
  std::size_t after_space(std::size_t at) const {
    while (at < source_.size() && is_space(source_[at])) ++at;
    return at;
  }

  // Text in front of a tag that begins at `tag`, with its sign: "-" takes all white space away, and where
  // there is no sign, spaces between the line's start and a statement or comment go.
  TextView kept(std::size_t from, std::size_t tag, bool output) const {
    TextView text = TextView(source_).substr(from, tag - from);
    const Char sign = tag + 2 < source_.size() ? code(source_[tag + 2]) : 0;
    if (sign == '-') return stripped(text, Side::kRight);
    if (sign == '+' || output) return text;
    const std::size_t newline = text.rfind(U'\n');
    if (newline == TextView::npos && !line_start_) return text;
    const std::size_t line = newline == TextView::npos ? 0 : newline + 1;
    return stripped(text.substr(line), Side::kBoth).empty() ? text.substr(0, line) : text;
  }

  // Behind "%}" or "#}" at `at` (which points at a sign in front of it, if there is one); npos: no such end
  // here.
  std::size_t end_of_tag(std::size_t at, std::string_view end, bool trims) const {
    if (starts("-" + std::string(end), at)) return after_space(at + 3);
    if (trims && starts("+" + std::string(end), at)) return at + 3;
    if (!starts(end, at)) return Text::npos;
    at += 2;
    return trims && at < source_.size() && code(source_[at]) == '\n' ? at + 1 : at;
  }

  void root() {
    std::size_t tag = at_;
    while (tag + 1 < source_.size() &&
           !(code(source_[tag]) == '{' &&
             std::u32string_view(U"%{#").find(code(source_[tag + 1])) != std::u32string_view::npos)) {
      ++tag;
    }
    if (tag + 1 >= source_.size()) {
      add_data(TextView(source_).substr(at_));
      advance_to(source_.size());
      return;
    }
    const Char kind = code(source_[tag + 1]);
    const TextView text = kept(at_, tag, kind == '{');
    add_data(text);
    std::size_t inside = tag + 2;
    if (inside < source_.size() && (code(source_[inside]) == '-' || code(source_[inside]) == '+')) ++inside;
    if (kind == '%' && raw(inside)) return;
    advance_to(inside);
    if (kind == '#') {
      comment();
    } else {
      tag_body(kind == '{');
    }
  }

  void comment() {
    for (std::size_t at = at_; at < source_.size(); ++at) {
      const std::size_t end = end_of_tag(at, "#}", true);
      if (end == Text::npos) continue;
      advance_to(end);
      return;
    }
    fail("expected the end of a comment, #}, got none");
  }

  // {% raw %} … {% endraw %}, whose first tag's inside begins at `at`; false: another statement.
  bool raw(std::size_t at) {
    at = after_space(at);
    if (!starts("raw", at)) return false;
    at = after_space(at + 3);
    if (starts("-%}", at)) {
      at = after_space(at + 3);
    } else if (starts("%}", at)) {
      at += 2;
    } else {
      return false;
    }
    advance_to(at);
    for (std::size_t tag = at; tag < source_.size(); ++tag) {
      if (!starts("{%", tag)) continue;
      std::size_t inside = tag + 2;
      if (inside < source_.size() && (code(source_[inside]) == '-' || code(source_[inside]) == '+')) ++inside;
      inside = after_space(inside);
      if (!starts("endraw", inside)) continue;
      const std::size_t end = end_of_tag(after_space(inside + 6), "%}", true);
      if (end == Text::npos) continue;
      add_data(kept(at, tag, false));
      advance_to(end);
      return true;
    }
    fail("expected {% endraw %}, got the end of the template");
  }

  void tag_body(bool output) {
    add(output ? TokenKind::kOutputBegin : TokenKind::kStatementBegin);
    std::string brackets;  // the closing ones that are due
    while (true) {
      if (brackets.empty()) {
        const std::size_t end = end_of_tag(at_, output ? "}}" : "%}", !output);
        if (end != Text::npos) {
          add(output ? TokenKind::kOutputEnd : TokenKind::kStatementEnd);
          advance_to(end);
          return;
        }
      }
      if (at_ >= source_.size()) fail("expected the end of a tag, got the end of the template");
      if (is_space(source_[at_])) {
        advance_to(after_space(at_));
      } else if (!number() && !name() && !string()) {
        bracketed_operator(brackets);
      }
    }
  }

  // Digits with single underscores between them, from `at`; `at` itself: none.
  std::size_t digits(std::size_t at) const {
    const auto digit = [&](std::size_t i) {
      return i < source_.size() && is_ascii(code(source_[i]), is_digit);
    };
    while (digit(at) ||
           (at > 0 && at < source_.size() && code(source_[at]) == '_' && digit(at - 1) && digit(at + 1)))
      ++at;
    return at;
  }

  bool number() {
    const std::size_t whole = digits(at_);
    if (whole == at_) return false;
    std::size_t end = whole;
    bool real = false;
    const bool behind_dot = at_ > 0 && code(source_[at_ - 1]) == '.';  // messages.0.content
    if (!behind_dot && end < source_.size() && code(source_[end]) == '.' && digits(end + 1) > end + 1) {
      end = digits(end + 1);
      real = true;
    }
    if (!behind_dot && end < source_.size() && (code(source_[end]) | 0x20) == 'e') {
      std::size_t exponent = end + 1;
      if (exponent < source_.size() && (code(source_[exponent]) == '+' || code(source_[exponent]) == '-'))
        ++exponent;
      if (digits(exponent) > exponent) {
        end = digits(exponent);
        real = true;
      }
    }
    std::string form = utf8_of(TextView(source_).substr(at_, end - at_));
    std::erase(form, '_');
    if (real) {
      double value = 0;
      std::from_chars(form.data(), form.data() + form.size(), value);
      add(TokenKind::kNumber, "", value);
    } else {
      if (form.size() > 1 && form[0] == '0') fail("whole numbers with a leading 0 are not supported");
      std::int64_t value = 0;
      if (std::from_chars(form.data(), form.data() + form.size(), value).ec != std::errc()) {
        fail("whole numbers beyond 64 bits are not supported");
      }
      add(TokenKind::kNumber, "", value);
    }
    advance_to(end);
    return true;
  }

  bool name() {
    std::size_t end = at_;
    while (end < source_.size()) {
      const Char c = code(source_[end]);
      if (c >= 0x80) fail("names with letters beyond ASCII are not supported");
      if (c != '_' && !is_ascii(c, is_alnum)) break;
      ++end;
    }
    if (end == at_) return false;
    add(TokenKind::kName, utf8_of(TextView(source_).substr(at_, end - at_)));
    advance_to(end);
    return true;
  }

  bool string() {
    const Char quote = peek();
    if (quote != '\'' && quote != '"') return false;
    std::size_t end = at_ + 1;
    while (end < source_.size() && code(source_[end]) != quote) end += code(source_[end]) == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("expected the end of a string, got the end of the template");
    add(TokenKind::kString, "", unescaped(TextView(source_).substr(at_ + 1, end - at_ - 1)));
    advance_to(end + 1);
    return true;
  }

  // What Python's codec unicode-escape makes of a string literal.
  Text unescaped(TextView literal) const {
    Text text;
    for (std::size_t i = 0; i < literal.size(); ++i) {
      if (code(literal[i]) != '\\' || i + 1 == literal.size()) {
        text += literal[i];
        continue;
      }
      const Char kind = code(literal[++i]);
      constexpr std::u32string_view simple = U"\\'\"abfnrtv";
      if (kind == '\n') continue;
      if (const std::size_t at = simple.find(kind); at != std::u32string_view::npos) {
        text += static_cast<Char>("\\'\"\a\b\f\n\r\t\v"[at]);
      } else if (kind >= '0' && kind <= '7') {
        Char value = 0;
        const std::size_t stop = std::min(i + 3, literal.size());
        while (i < stop && code(literal[i]) >= '0' && code(literal[i]) <= '7')
          value = value * 8 + (code(literal[i++]) - '0');
        --i;
        text += value;
      } else if (kind == 'x' || kind == 'u' || kind == 'U') {
        text += hex_escape(literal, i, kind == 'x' ? 2 : kind == 'u' ? 4 : 8);
      } else if (kind == 'N' || kind >= 0x80) {
        fail("a string with this kind of escape is not supported");
      } else {
        text += U'\\';
        text += literal[i];
      }
    }
    return text;
  }

  // The code point of "\x41", where literal[at] is the "x"; moves `at` to its last digit.
  Char hex_escape(TextView literal, std::size_t& at, std::size_t size) const {
    const std::string form = utf8_of(literal.substr(at + 1, size));
    unsigned value = 0;
    const auto end = std::from_chars(form.data(), form.data() + form.size(), value, 16).ptr;
    if (form.size() != size || end != form.data() + size)
      fail("expected hexadecimal digits in an escape of a string");
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      fail("escapes of surrogates are not supported");
    at += size;
    return value;
  }

  void bracketed_operator(std::string& brackets) {
    constexpr std::string_view operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                              "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                              ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (const std::string_view op : operators) {
      if (!starts(op, at_)) continue;
      const std::size_t opening = std::string_view("([{").find(op[0]);
      if (opening != std::string_view::npos) brackets += ")]}"[opening];
      if (std::string_view(")]}").find(op[0]) != std::string_view::npos) {
        if (brackets.empty() || brackets.back() != op[0]) fail("unexpected '" + std::string(op) + "'");
        brackets.pop_back();
      }
      add(TokenKind::kOperator, std::string(op));
      advance_to(at_ + op.size());
      return;
    }
    fail("unexpected character '" + utf8_of(TextView(source_).substr(at_, 1)) + "' in a tag");
  }

  const Text source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_start_ = true;  // whether what was read last ended a line
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(const Text& source) { return Lexer(source).run(); }

}  // namespace pope::jinja
