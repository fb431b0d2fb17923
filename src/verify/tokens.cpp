// The tokenizer: one pass, by the first character of what comes next.
#include "verify/tokens.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/chars.h"
#include "verify/numerals.h"
#include "verify/phrases.h"
#include "verify/symbols.h"
#include "verify/units.h"
#include "verify/words.h"

namespace pope {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Full-width letters, digits and signs as ASCII, but for the comma, which separates values only.
std::string half_width(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i, 3);
    const bool wide = rest.size() == 3 && rest[0] == '\xEF' && (rest[1] == '\xBC' || rest[1] == '\xBD');
    const int code = wide ? ((static_cast<unsigned char>(rest[1]) & 0x3F) << 6 |
                             (static_cast<unsigned char>(rest[2]) & 0x3F)) +
                                0xF000 - 0xFEE0
                          : 0;
    if (code > ' ' && code < 0x7F && code != ',') {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size() && !stopped_) step();
    turn_outward_brackets(tokens_);
    if (level_ == 0) drop_phrases(tokens_);
    while (!tokens_.empty() && (tokens_.back().op(".") || tokens_.back().op(",") || tokens_.back().op(";")))
      tokens_.pop_back();
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool take(std::string_view what) {
    if (!starts(what)) return false;
    at_ += what.size();
    return true;
  }
  void push(TokenKind kind, std::string_view text) {
    tokens_.push_back({kind, std::string(text), gap_, false});
    gap_ = false;
  }

  void step() {
    const char c = peek();
    if (skipping_) return skip();
    if (is_space(c)) return spaces();
    if (starts_number(text_, at_)) return number();
    if (is_letter(c)) return letters();
    if (c == '\\') return command();
    if (static_cast<unsigned char>(c) >= 0x80) return symbol();
    if (c == '^') return caret();
    ++at_;
    switch (c) {
      case '$':
        if (nesting_ > 0) words_ = !words_;  // \text{$…$}
        gap_ = true;
        return;
      case '~':
        gap_ = true;
        return;
      case '(':
      case '[':
        return push(TokenKind::open, std::string_view(&c, 1));
      case '{':  // "{-}5": braces around a sign only space it
        if (peek(1) == '}' && std::string_view("+-=<>*/:").find(peek()) != std::string_view::npos) {
          const std::string_view sign = text_.substr(at_, 1);
          at_ += 2;
          return push(TokenKind::op, sign);
        }
        return push(TokenKind::open, "{");
      case ')':
      case ']':
      case '}':
        return push(TokenKind::close, std::string_view(&c, 1));
      case '<':
      case '>':
        if (take("=")) return push(TokenKind::op, c == '<' ? "<=" : ">=");
        return push(TokenKind::op, std::string_view(&c, 1));
      case '!':
        // "x != 3"; but "8!=40320" says what 8! is
        if (!(after_number() && !gap_) && take("=")) return push(TokenKind::op, "!=");
        return push(TokenKind::op, "!");
      case '*':
        if (take("*")) return push(TokenKind::op, "^");
        return push(TokenKind::op, "*");
      case '-':
        if (take(">")) return push(TokenKind::op, "->");
        return push(TokenKind::op, "-");
      case '=':
        if (take("=")) return push(TokenKind::op, "=");
        if (take(">")) return push(TokenKind::op, "=>");
        return push(TokenKind::op, "=");
      case '.':
        if (take("..")) return push(TokenKind::op, "...");
        return push(TokenKind::op, ".");
      case '&':  // in aligned equations it only aligns
        if (level_ == 0 && aligned_ > 0) return;
        return push(TokenKind::op, level_ > 0 ? "&" : "and");
      case '"':
        return push(after_number() && !gap_ ? TokenKind::op : TokenKind::junk, "\"");
      case '+':
        if (take("/-")) return push(TokenKind::op, "pm");
        return push(TokenKind::op, "+");
      case '/':
      case '_':
      case ':':
      case ',':
      case ';':
      case '%':
      case '|':
      case '\'':
        return push(TokenKind::op, std::string_view(&c, 1));
      default:
        return push(TokenKind::junk, std::string_view(&c, 1));
    }
  }

  // Blank lines between values separate them, "2⏎⏎3", and a line's end between equations, "x=2⏎y=3".
  void spaces() {
    int lines = 0;
    for (; is_space(peek()); ++at_) lines += peek() == '\n';
    gap_ = true;
    if (lines == 0 || tokens_.empty() || at_ >= text_.size() || level_ > 0) return;
    if (lines >= 2 || between_equations()) push(TokenKind::op, ";");
  }

  // Whether an equation stands before the cursor, and another from there to the end of the line.
  bool between_equations() const {
    const auto equals = [](const Token& t) { return t.op("="); };
    if (aligned_ > 0 || std::none_of(tokens_.begin(), tokens_.end(), equals)) return false;
    const Token& last = tokens_.back();
    const std::string_view line = text_.substr(at_, text_.find_first_of("\n", at_) - at_);
    const std::size_t sign = line.find('=');
    return (last.kind == TokenKind::number || last.kind == TokenKind::name ||
            last.kind == TokenKind::close) &&
           sign != std::string_view::npos && sign > 0 && (is_letter(line[0]) || line[0] == '\\') &&
           line.substr(0, sign).find_first_of("<>") == std::string_view::npos;
  }

  void number() {
    Token token = scan_number(text_, at_);
    token.gap = std::exchange(gap_, false);
    tokens_.push_back(std::move(token));
  }

  void letters() {
    const std::size_t start = at_;
    while (is_letter(peek())) ++at_;
    const std::string_view run = text_.substr(start, at_ - start);
    if (run == "x" && after_number() && (starts("10^") || starts(" 10^"))) return push(TokenKind::op, "*");
    if (is_ordinal(run)) return;
    const bool metres = run == "m" && after_number() && (starts("²") || starts("³"));
    if (metres || (run.size() == 1 && is_unit_letter(run[0]) && after_unit()))
      return push(TokenKind::word, run);
    if (!words_ || run.size() == 1) {
      word(run);
    } else if (!known_word(run)) {
      push(TokenKind::word, run);
    }
    if (tokens_.empty() || tokens_.back().kind != TokenKind::word || peek() != '.') return;
    if (is_measure(run) || run == "sq" || run == "cu") ++at_;  // "ft.", "sq. cm"
  }

  // "12th", "2nd" of "12th", "2^{nd}".
  bool is_ordinal(std::string_view ending) const {
    if (!after_number() || gap_) return false;
    const std::string& number = tokens_.back().text;
    if (!std::all_of(number.begin(), number.end(), is_digit)) return false;
    const bool teen = number.size() > 1 && number[number.size() - 2] == '1';
    const char last = teen ? '0' : number.back();
    return ending == (last == '1' ? "st" : last == '2' ? "nd" : last == '3' ? "rd" : "th");
  }

  // The word that ends with the token before `end`, an exponent aside: "m" of "m^2" and "m^{-2}". Null where
  // none does.
  const Token* word_before(std::size_t end) const {
    const auto skip = [&](bool here) { return here && end-- > 0; };
    const auto last = [&]() -> const Token& { return tokens_[end - 1]; };
    if (end > 0 && last().kind == TokenKind::word) return &last();
    skip(end > 0 && last().is(TokenKind::close, "}"));
    if (!skip(end > 0 && last().kind == TokenKind::number)) return nullptr;
    skip(end > 0 && last().op("-"));
    skip(end > 0 && last().is(TokenKind::open, "{"));
    if (!skip(end > 0 && last().op("^"))) return nullptr;
    return end > 0 && last().kind == TokenKind::word ? &last() : nullptr;
  }

  // Behind what a letter is a unit: in upright type a value or a unit, else "km/" (of "km/h"); also behind
  // "m/(".
  bool after_unit() const {
    if (tokens_.empty()) return false;
    const Token& last = tokens_.back();
    const std::size_t size = tokens_.size();
    const bool joined = last.op("/") || last.op("*");
    const bool bracket = size > 1 && last.is(TokenKind::open, "(") && tokens_[size - 2].op("/");
    const Token* unit = joined ? word_before(size - 1) : bracket ? word_before(size - 2) : nullptr;
    const bool sign = unit != nullptr;
    if (!words_) return sign && is_measure(unit->text);
    return sign || last.kind == TokenKind::number || last.kind == TokenKind::close ||
           last.kind == TokenKind::word;
  }

  // A run of letters without a backslash.
  void word(std::string_view run) {
    if (run.size() == 1) return push(TokenKind::name, run);
    if (known_word(run)) return;
    if (is_plain_word(run)) return push(TokenKind::word, run);
    for (const std::string_view prefix : {"sin", "cos", "tan", "ln", "log", "sqrt"}) {  // "sinx"
      if (run.size() > prefix.size() && run.size() <= prefix.size() + 2 && run.starts_with(prefix)) {
        push(TokenKind::function, prefix);
        tokens_.back().plain = true;
        return word(run.substr(prefix.size()));
      }
    }
    if (run.size() > 6) return push(TokenKind::word, run);
    for (const char& c : run) push(TokenKind::name, std::string_view(&c, 1));
  }

  // "12 squared", "3 quarters", "137 times 2", "minus 5": words that are operators where they stand.
  bool word_operator(std::string_view run) {
    const std::size_t next = std::min(text_.find_first_not_of(" $", at_), text_.size());
    const bool value_next = next < text_.size() && (is_digit(text_[next]) || text_[next] == '(' ||
                                                    text_[next] == '\\' || text_[next] == '-');
    if (tokens_.empty()) {
      if ((run != "minus" && run != "negative") || !value_next) return false;
      return push(TokenKind::op, "-"), true;
    }
    const Token& last = tokens_.back();
    const bool unit = last.kind == TokenKind::word && is_measure(last.text);
    const bool power = run == "squared" || run == "cubed";
    const bool value = last.kind == TokenKind::number || last.kind == TokenKind::name ||
                       last.kind == TokenKind::close || last.op("!") || last.op("%");
    if (power && (value || unit)) {
      push(TokenKind::op, "^");
      return push(TokenKind::number, run == "cubed" ? "3" : "2"), true;
    }
    if (!value) return false;
    if (run == "factorial") return push(TokenKind::op, "!"), true;
    const long parts = last.kind == TokenKind::number ? part_word(run) : 0;
    if (parts != 0) {
      push(TokenKind::op, "/");
      return push(TokenKind::number, std::to_string(parts)), true;
    }
    if (run == "divided" && take(" by")) return push(TokenKind::op, "/"), true;
    if (!value_next) return false;
    const bool part = tokens_.size() > 1 && tokens_[tokens_.size() - 2].op("/");
    const std::string_view sign = run == "plus"                           ? "+"
                                  : run == "minus"                        ? "-"
                                  : run == "times"                        ? "*"
                                  : run == "over"                         ? "/"
                                  : run == "of" && (last.op("%") || part) ? "*"
                                                                          : "";
    if (sign.empty()) return false;
    return push(TokenKind::op, sign), true;
  }

  bool known_word(std::string_view run) {
    if (run == "and" || run == "or" || run == "mod") return push(TokenKind::op, run), true;
    if (word_operator(run)) return true;
    if (run == "per" && !is_letter(peek(5)) && take(" cent")) return push(TokenKind::op, "%"), true;
    if (run == "USD" || run == "EUR" || run == "GBP")
      return push(TokenKind::op, run == "USD" ? "$" : run == "EUR" ? "€" : "£"), true;
    if (const auto symbol = plain_symbol(run)) return push(TokenKind::name, *symbol), true;
    if (run == "percent" || run == "percentage" || run == "pct") return push(TokenKind::op, "%"), true;
    if (run == "degrees" || run == "degree" || run == "deg") return push(TokenKind::op, "deg"), true;
    if (remark(run)) return true;
    const bool last = text_.find_first_not_of(" .,;)$", at_) == std::string_view::npos;
    if ((run == "sec" || run == "min") && after_number() && last) return push(TokenKind::word, run), true;
    if (run == "Re" || run == "Im" || run == "arg" || run == "tg" || run == "frac" || run == "pmod")
      return false;
    const auto function = function_name(run);
    if (!function) return false;
    push(TokenKind::function, *function);
    tokens_.back().plain = true;
    return true;
  }

  // "about …", "since …", "(confidence …)" after an answer say no more than the answer.
  bool remark(std::string_view run) {
    const bool bracket = !tokens_.empty() && tokens_.back().is(TokenKind::open, "(");
    const bool reason =
        !tokens_.empty() && (run == "since" || run == "because" || (run == "confidence" && bracket));
    if (!reason && run != "about" && run != "approximately" && run != "approx" && run != "roughly")
      return false;
    if (!tokens_.empty()) skip_remark(bracket);
    return true;
  }

  // In brackets up to their end; else all that follows, which must not take the answer back.
  void skip_remark(bool bracket) {
    if (bracket) {
      tokens_.pop_back();
      skipping_ = true;
      closing_ = 1;
      braces_ = 0;
      return;
    }
    stopped_ = true;
    for (const std::string_view other : {" or ", " or}", "maybe", "possibly", " not ", ";"})
      if (text_.substr(at_).find(other) != std::string_view::npos) return push(TokenKind::junk, other);
  }

  // Up to the closing bracket, and the end of the \text that it stands in.
  void skip() {
    const char c = text_[at_++];
    braces_ += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (closing_ == 0) {
      skipping_ = braces_ > 0;
      return;
    }
    closing_ += c == '(' ? 1 : c == ')' ? -1 : 0;
    skipping_ = closing_ > 0 || braces_ > 0;
  }

  // "2/3 (≈ 0.667)" says no more than 2/3.
  void approximation() {
    const bool remark = tokens_.size() > 1 && tokens_.back().is(TokenKind::open, "(") &&
                        tokens_[tokens_.size() - 2].kind != TokenKind::op;
    remark ? skip_remark(true) : push(TokenKind::op, "approx");
  }

  void caret() {
    ++at_;
    std::size_t look = at_;
    while (look < text_.size() && text_[look] == ' ') ++look;
    const std::string_view rest = text_.substr(look);
    for (const auto& [spelling, op] : {std::pair<std::string_view, std::string_view>{"{\\circ}", "deg"},
                                       {"\\circ", "deg"},
                                       {"{\\prime}", "'"},
                                       {"\\prime", "'"},
                                       {"{\\prime\\prime}", "''"},
                                       {"{o}", "deg"},
                                       {"{\\text{o}}", "deg"},
                                       {"{\\mathrm{o}}", "deg"},
                                       {"°", "deg"},
                                       {"{°}", "deg"},
                                       {"{\\\\circ}", "deg"},
                                       {"{ \\circ }", "deg"},
                                       {"{\\degree}", "deg"}}) {
      if (!rest.starts_with(spelling)) continue;
      at_ = look + spelling.size();
      if (op == "''") push(TokenKind::op, "'");
      return push(TokenKind::op, op == "''" ? "'" : op);
    }
    for (const std::string_view open : {"{\\text{", "{\\mathrm{", "{\\textrm{", "{", "\\text{", "\\mathrm{"})
      if (rest.starts_with(open) && rest.size() > open.size() + 2 && rest[open.size() + 2] == '}' &&
          is_ordinal(rest.substr(open.size(), 2))) {
        at_ = look + open.size() + 3 + (open.size() > 2 && open[0] == '{' ? 1 : 0);
        return;
      }
    const bool degrees =
        rest.starts_with('o') && after_number() && (rest.size() < 2 || !is_letter(rest[1]));  // "60^o"
    if (degrees) at_ = look + 1;
    push(TokenKind::op, degrees ? "deg" : "^");
  }

  bool after_number() const { return !tokens_.empty() && tokens_.back().kind == TokenKind::number; }

  void symbol() {
    for (const std::string_view space : kSpaces)
      if (take(space)) return static_cast<void>(gap_ = true);
    for (const std::string_view silent : kSilent)
      if (take(silent)) return;
    if (take("ⁿ")) return push(TokenKind::op, "^"), push(TokenKind::name, "n");
    if (scripts(kSuperscripts, "^") || subscripts()) return;
    if (is_ideograph()) return ideographs();
    for (const auto& [sign, name] :
         {std::pair<std::string_view, std::string_view>{"∠", "\\angle"}, {"△", "\\triangle"}})
      if (take(sign)) return figure(name);
    for (const Symbol& symbol : kSymbols) {
      if (!take(symbol.utf8)) continue;
      if (symbol.text == "approx") return approximation();
      push(symbol.kind, symbol.text);
      tokens_.back().plain = true;
      return;
    }
    const std::size_t start = at_;
    at_ = next_character_start(text_, at_ + 1);
    push(TokenKind::junk, text_.substr(start, at_ - start));
  }

  bool scripts(const std::array<std::string_view, 10>& digits, std::string_view op) {
    std::string number;
    const std::size_t start = at_;
    const bool minus = take("⁻");
    while (const auto digit = script_digit(digits)) number += *digit;
    if (number.empty()) return at_ = start, false;
    push(TokenKind::op, op);
    if (minus) push(TokenKind::op, "-");
    push(TokenKind::number, number);
    return true;
  }

  std::optional<char> script_digit(const std::array<std::string_view, 10>& digits) {
    for (std::size_t d = 0; d < digits.size(); ++d)
      if (take(digits[d])) return static_cast<char>('0' + d);
    return std::nullopt;
  }

  // "x₁", "aₙ₊₁": as x_1 and a_{n+1}.
  bool subscripts() {
    std::string inner;
    for (bool more = true; more;) {
      const std::size_t before = inner.size();
      while (const auto digit = script_digit(kSubscripts)) inner += *digit;
      for (const auto& [sign, ascii] : kSubscriptSigns)
        if (take(sign)) inner += ascii;
      more = inner.size() > before;
    }
    if (inner.empty()) return false;
    push(TokenKind::op, "_");
    if (std::all_of(inner.begin(), inner.end(), is_digit)) return push(TokenKind::number, inner), true;
    push(TokenKind::open, "{");
    for (const char& c : inner)
      push(is_digit(c)    ? TokenKind::number
           : is_letter(c) ? TokenKind::name
                          : TokenKind::op,
           std::string_view(&c, 1));
    push(TokenKind::close, "}");
    return true;
  }

  // A character of Chinese or Japanese, U+4E00 to U+9FFF.
  bool is_ideograph() const {
    const auto lead = static_cast<unsigned char>(peek());
    const auto next = static_cast<unsigned char>(peek(1));
    return (lead == 0xE4 && next >= 0xB8) || (lead >= 0xE5 && lead <= 0xE9);
  }

  void ideographs() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_ideograph()) at_ = next_character_start(text_, at_ + 1);
    const std::string_view run = text_.substr(start, at_ - start);
    if (run == "或") return push(TokenKind::op, "or");
    if (run == "和" || run == "与") return push(TokenKind::op, "and");
    push(TokenKind::word, run);
  }

  // "\angle ABC", "∠ABC": one name, and the same angle as CBA. Other figures are named by their letters'
  // order.
  void figure(std::string_view name) {
    std::size_t look = std::min(text_.find_first_not_of(' ', at_), text_.size());
    const bool braces = look < text_.size() && text_[look] == '{';
    if (braces) ++look;
    std::string letters;
    for (; look < text_.size() && (is_upper(text_[look]) || text_[look] == ' '); ++look)
      if (text_[look] != ' ') letters += text_[look];
    const bool closed = !braces || (look < text_.size() && text_[look] == '}');
    const bool lower_next = look < text_.size() && (is_lower(text_[look]) || text_[look] == '_');
    if (letters.empty() || !closed || lower_next) return push(TokenKind::name, name);
    at_ = look + (braces ? 1 : 0);
    if (name == "\\angle" && letters.size() == 3 && letters[0] > letters[2])
      std::swap(letters[0], letters[2]);
    push(TokenKind::name, std::string(name) + " " + letters);
  }

  void command() {
    const char next = peek(1);
    if (!is_letter(next)) return escaped(next);
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
    if (is_silent_command(name)) {
      if ((name == "left" || name == "right" || name == "middle") && peek() == '.') ++at_;
      if (name == "left" && starts("\\{") && system()) return;
      gap_ = gap_ || name == "quad" || name == "qquad";
      return;
    }
    if (is_silent_with_argument(name)) return static_cast<void>(group());
    if (is_text_command(name)) return text_argument(name);
    if (name == "begin" || name == "end") return environment(name == "begin");
    if (const auto op = operator_command(name))
      return *op == "approx" ? approximation() : push(TokenKind::op, *op);
    if (const auto function = function_name(name)) return push(TokenKind::function, *function);
    if (name == "pi" || name == "infty") return push(TokenKind::name, name);
    if (name == "emptyset" || name == "varnothing") return push(TokenKind::name, "emptyset");
    if (name == "angle" || name == "triangle") return figure("\\" + std::string(name));
    if (name == "therefore" || name == "because") return push(TokenKind::op, "=>");
    if (name == "lvert" || name == "rvert" || name == "vert") return push(TokenKind::op, "|");
    if (name == "lbrace") return push(TokenKind::open, "\\{");
    if (name == "rbrace") return push(TokenKind::close, "\\}");
    if (name == "lbrack") return push(TokenKind::open, "[");
    if (name == "rbrack") return push(TokenKind::close, "]");
    if (name == "lfloor" || name == "lceil" || name == "langle") return push(TokenKind::open, name);
    if (name == "rfloor" || name == "rceil" || name == "rangle") return push(TokenKind::close, name);
    if (name == "mathbb" || name == "mathcal" || name == "mathscr") return styled(name);
    if (name == "R" || name == "Z" || name == "N" || name == "Q" || name == "C")
      return push(TokenKind::name, "\\mathbb{" + std::string(name) + "}");
    if (name == "circ") return push(TokenKind::op, "deg");
    if (name == "lparen") return push(TokenKind::open, "(");
    if (name == "rparen") return push(TokenKind::close, ")");
    const bool accent =
        name == "vec" || name == "hat" || name == "bar" || name == "overline" || name == "tilde";
    push(TokenKind::name, "\\" + std::string(name == "varphi"       ? "phi"
                                             : name == "varepsilon" ? "epsilon"
                                                                    : name));
    if (!accent) return;
    while (is_space(peek())) ++at_;
    if (!is_letter(peek())) return;  // "\vec a" is "\vec{a}"
    push(TokenKind::open, "{");
    push(TokenKind::name, text_.substr(at_++, 1));
    push(TokenKind::close, "}");
  }

  void escaped(char next) {
    at_ += std::min<std::size_t>(2, text_.size() - at_);
    switch (next) {
      case '{':
        return push(TokenKind::open, "\\{");
      case '}':
        return push(TokenKind::close, "\\}");
      case '%':
      case '$':
        return push(TokenKind::op, std::string_view(&next, 1));
      case '&':
        return push(TokenKind::op, "and");
      case '|':
        return push(TokenKind::op, "|");
      case '_':
        return push(TokenKind::junk, "_");
      case '\\':
        return row_break();
      case '!':
        return;
      default:
        gap_ = true;  // "\,", "\;", "\ ", and the math delimiters \( \) \[ \]
    }
  }

  // "\\" ends a row inside an environment; between aligned equations it separates them, unless the next line
  // goes on with a sign; elsewhere it is a doubled escape ("\\frac") or a line break.
  void row_break() {
    if (level_ > 0) {
      const std::size_t close = text_.find(']', at_);  // "\\[1ex]"
      if (peek() == '[' && close != std::string_view::npos && close - at_ < 10 && is_letter(text_[close - 1]))
        at_ = close + 1;
      return push(TokenKind::op, "\\\\");
    }
    if (aligned_ > 0) {
      while (is_space(peek()) || peek() == '&') ++at_;
      const bool goes_on = std::string_view("=<>").find(peek()) != std::string_view::npos || starts("\\le") ||
                           starts("\\ge") || starts("\\approx") || starts("\\equiv");
      if (!goes_on) push(TokenKind::op, ";");
    } else if (is_letter(peek())) {
      --at_;
    } else {
      while (is_space(peek())) ++at_;
      gap_ = true;
      if (at_ < text_.size() && !tokens_.empty() && between_equations()) push(TokenKind::op, ";");
    }
  }

  // "\left\{\begin{array}{l}…\end{array}\right.": a brace on one side, as of cases.
  bool system() {
    const std::size_t begin = text_.find_first_not_of(" \n", at_ + 2);
    if (begin == std::string_view::npos) return false;
    const std::string_view rest = text_.substr(begin);
    const bool rows = rest.starts_with("\\begin{array}") || rest.starts_with("\\begin{matrix}");
    if (!rows && !rest.starts_with("\\begin{aligned}") && !rest.starts_with("\\begin{gathered}"))
      return false;
    if (rest.find("\\right.") == std::string_view::npos) return false;
    at_ = begin;
    system_ = rows;
    return true;
  }

  void environment(bool begin) {
    const std::size_t close = text_.find('}', at_);
    if (peek() != '{' || close == std::string_view::npos) return push(TokenKind::junk, "\\begin");
    std::string_view name = text_.substr(at_ + 1, close - at_ - 1);
    if (name.ends_with('*')) name.remove_suffix(1);
    at_ = close + 1;
    if (name == "aligned" || name == "align" || name == "equation" || name == "gathered" || name == "split") {
      aligned_ += begin ? 1 : aligned_ > 0 ? -1 : 0;
      return;
    }
    if (begin && name == "array" && peek() == '{') {  // its columns: {cc|c}
      const std::size_t end = text_.find('}', at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
    }
    level_ += begin ? 1 : level_ > 0 ? -1 : 0;
    const bool cases = system_ && (name == "array" || name == "matrix");
    push(begin ? TokenKind::begin_env : TokenKind::end_env, cases ? "cases" : name);
    if (!begin) system_ = false;
  }

  // The braces after the cursor; the whole group is consumed. Nothing when there is none.
  std::optional<std::string_view> group() {
    std::size_t open = at_;
    while (open < text_.size() && is_space(text_[open])) ++open;
    if (open >= text_.size() || text_[open] != '{') return std::nullopt;
    int depth = 0;
    for (std::size_t i = open; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '{') {
        ++depth;
      } else if (text_[i] == '}' && --depth == 0) {
        at_ = i + 1;
        return text_.substr(open + 1, i - open - 1);
      }
    }
    return std::nullopt;
  }

  static bool starts_value(std::string_view text) {
    return is_digit(text[0]) || (text.size() > 1 && text[0] == '-' && is_digit(text[1]));
  }

  // \mathbb{R}, also "\mathbb R".
  void styled(std::string_view command) {
    auto content = group();
    if (!content) {
      while (is_space(peek())) ++at_;
      if (!is_letter(peek())) return push(TokenKind::junk, command);
      content = text_.substr(at_++, 1);
    }
    push(TokenKind::name, "\\" + std::string(command) + "{" + std::string(*content) + "}");
  }

  // \text{…}: words, or formulas set in another font.
  void text_argument(std::string_view command) {
    const auto content = group();
    if (!content) return;  // "\mathrm d", "\bf"
    std::string words;
    for (const char c : *content) words += c == '~' || is_space(c) ? ' ' : c;
    const std::size_t first = words.find_first_not_of(' ');
    gap_ = gap_ || first != 0;
    if (first == std::string::npos) return;
    words = words.substr(first, words.find_last_not_of(' ') - first + 1);
    const bool letters = std::any_of(words.begin(), words.end(), is_letter);
    const bool upright = command == "mathrm" || command == "mathbf" || command == "boldsymbol" ||
                         command == "bm" || command == "mathit" || command == "operatorname" ||
                         command == "textit";
    const bool formula = upright && words.find('\\') != std::string::npos && command != "mathrm";
    if (!letters || formula) return nested(words, false);
    std::string_view bare = words;
    while (!bare.empty() && (bare.back() == ',' || bare.back() == ' ')) bare.remove_suffix(1);
    while (!bare.empty() && (bare.front() == ',' || bare.front() == ' ')) bare.remove_prefix(1);
    if (bare.size() > 1 && bare.size() < words.size() && known_word(bare)) return;  // "\text{, and }"
    nested(words, true);
  }

  // The content of a text command goes on from the tokens before it: "12\text{ squared}". `words`: letters in
  // a row are a word, not a product.
  void nested(const std::string& content, bool words) {
    if (nesting_ == 8) return push(TokenKind::junk, "\\text");
    Tokenizer inner(content);
    inner.nesting_ = nesting_ + 1;
    inner.words_ = words;
    inner.gap_ = gap_;
    inner.tokens_ = std::move(tokens_);
    while (inner.at_ < content.size() && !inner.stopped_) inner.step();
    tokens_ = std::move(inner.tokens_);
    gap_ = inner.gap_;
    stopped_ = inner.stopped_;
    skipping_ = inner.skipping_;
    closing_ = inner.closing_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  bool gap_ = false, stopped_ = false;
  bool words_ = false;            // in \text
  bool system_ = false;           // in rows behind a brace
  bool skipping_ = false;         // in a remark that is left out
  int closing_ = 0, braces_ = 0;  // brackets and braces that are open in it
  int level_ = 0;                 // of environments with rows
  int aligned_ = 0;               // of aligned equations
  int nesting_ = 0;               // of text commands
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, const Limits& limits) {
  if (text.size() > limits.text_bytes) throw OverBudget{"length"};
  if (text.find("\xEF\xBC") == std::string_view::npos && text.find("\xEF\xBD") == std::string_view::npos)
    return Tokenizer(text).run();
  const std::string narrow = half_width(text);
  return Tokenizer(narrow).run();
}

}  // namespace pope
