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
#include "verify/words.h"

namespace pope {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size() && !stopped_) step();
    if (level_ == 0) drop_phrases(tokens_);
    const bool whole = nesting_ == 0;  // "-1\text{, }2"
    while (!tokens_.empty() &&
           (tokens_.back().op(".") || (whole && (tokens_.back().op(",") || tokens_.back().op(";")))))
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
    if (is_space(c)) return spaces();
    if (starts_number(text_, at_)) return number();
    if (is_letter(c)) return letters();
    if (c == '\\') return command();
    if (static_cast<unsigned char>(c) >= 0x80) return symbol();
    if (c == '^') return caret();
    ++at_;
    switch (c) {
      case '$':
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
        return push(TokenKind::op, "&");
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

  // Blank lines between values separate them: "2⏎⏎3".
  void spaces() {
    int lines = 0;
    for (; is_space(peek()); ++at_) lines += peek() == '\n';
    gap_ = true;
    if (lines >= 2 && !tokens_.empty() && at_ < text_.size() && level_ == 0) push(TokenKind::op, ";");
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
    word(run);
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

  bool known_word(std::string_view run) {
    if (run == "and" || run == "or" || run == "mod") return push(TokenKind::op, run), true;
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

  // "about …", "since …" after an answer say no more than the answer.
  bool remark(std::string_view run) {
    const bool reason = (run == "since" || run == "because") && !tokens_.empty();
    if (!reason && run != "about" && run != "approximately" && run != "approx" && run != "roughly")
      return false;
    if (tokens_.empty()) return true;
    if (tokens_.back().is(TokenKind::open, "(")) tokens_.pop_back();
    stopped_ = true;
    return true;
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
    const bool degrees =
        rest.starts_with('o') && after_number() && (rest.size() < 2 || !is_letter(rest[1]));  // "60^o"
    if (degrees) at_ = look + 1;
    push(TokenKind::op, degrees ? "deg" : "^");
  }

  bool after_number() const { return !tokens_.empty() && tokens_.back().kind == TokenKind::number; }

  void symbol() {
    for (const std::string_view space : kSpaces)
      if (take(space)) return static_cast<void>(gap_ = true);
    if (take("\u2061") || take("\u2062") || take("\uFEFF")) return;
    if (take("ⁿ")) return push(TokenKind::op, "^"), push(TokenKind::name, "n");
    if (scripts(kSuperscripts, "^") || scripts(kSubscripts, "_")) return;
    for (const Symbol& symbol : kSymbols) {
      if (!take(symbol.utf8)) continue;
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
    const bool minus = op == "^" && take("⁻");
    for (bool more = true; more;) {
      more = false;
      for (std::size_t d = 0; d < digits.size() && !more; ++d)
        if (take(digits[d])) {
          number += static_cast<char>('0' + d);
          more = true;
        }
    }
    if (number.empty()) return at_ = start, false;
    push(TokenKind::op, op);
    if (minus) push(TokenKind::op, "-");
    push(TokenKind::number, number);
    return true;
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
      gap_ = gap_ || name == "quad" || name == "qquad";
      return;
    }
    if (is_silent_with_argument(name)) return static_cast<void>(group());
    if (is_text_command(name)) return text_argument(name);
    if (name == "begin" || name == "end") return environment(name == "begin");
    if (const auto op = operator_command(name)) return push(TokenKind::op, *op);
    if (const auto function = function_name(name)) return push(TokenKind::function, *function);
    if (name == "pi" || name == "infty") return push(TokenKind::name, name);
    if (name == "emptyset" || name == "varnothing") return push(TokenKind::name, "emptyset");
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
      case '&':
        return push(TokenKind::op, std::string_view(&next, 1));
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
      gap_ = true;
    }
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
    push(begin ? TokenKind::begin_env : TokenKind::end_env, name);
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
    const bool after_number = !tokens_.empty() && (tokens_.back().kind == TokenKind::number ||
                                                   tokens_.back().kind == TokenKind::close ||
                                                   tokens_.back().kind == TokenKind::word ||
                                                   (tokens_.size() > 1 && tokens_.back().op("/") &&
                                                    tokens_[tokens_.size() - 2].kind == TokenKind::word));
    const bool formula = upright && words.find('\\') != std::string::npos;
    if (!letters || formula || starts_value(words)) return nested(words);  // "\text{5 cm}" too
    if (words.size() == 1 && upright &&
        !(command == "mathrm" && after_number && words != "e" && words != "i"))
      return push(TokenKind::name, words);
    const std::size_t alpha = words.find_first_not_of("(,");
    std::size_t end = alpha;
    while (end < words.size() && is_letter(words[end])) ++end;
    const std::string_view lead = std::string_view(words).substr(alpha, end - alpha);
    if (lead == "about" || lead == "approximately" || lead == "approx" || lead == "roughly") {
      remark("about");
      return;
    }
    std::string_view bare = words;
    while (!bare.empty() && (bare.back() == ',' || bare.back() == ' ')) bare.remove_suffix(1);
    while (!bare.empty() && (bare.front() == ',' || bare.front() == ' ')) bare.remove_prefix(1);
    if (known_word(bare)) return;
    push(TokenKind::word, words);
  }

  void nested(const std::string& content) {
    if (++nesting_ > 8) return push(TokenKind::junk, "\\text");
    Tokenizer inner(content);
    inner.nesting_ = nesting_;
    for (Token& token : inner.run()) {
      token.gap = token.gap || gap_;
      gap_ = false;
      tokens_.push_back(std::move(token));
    }
    --nesting_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  bool gap_ = false, stopped_ = false;
  int level_ = 0;    // of environments with rows
  int aligned_ = 0;  // of aligned equations
  int nesting_ = 0;  // of text commands
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, const Limits& limits) {
  if (text.size() > limits.text_bytes) throw OverBudget{"length"};
  return Tokenizer(text).run();
}

}  // namespace pope
