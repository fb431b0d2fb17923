// Recursive descent, from loose to tight:
//   list      relation { ("," | ";" | "and" | "or") relation }
//   relation  sets { (= < > <= >= != in equiv -> …) sets }      one character of `text` for each sign
//   sets      ratio { (cup | cap | setminus) ratio }
//   ratio     quantity { ":" quantity }
//   quantity  sum [unit]
//   sum       ["+" | "-" | "±"] term { ("+" | "-" | "±" | "∓") term }
//   term      factor { ["*" | "/"] factor } [% | °]              a missing sign is a product, or a mixed
//   number factor    primary { "^" exponent | "!" | "_" subscript | "'" }
// What does not fit makes the whole answer words, except that braces and brackets must balance anyway.
#include "verify/parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "verify/words.h"

namespace pope {
namespace {

bool is_integer(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The character that stands for a relation sign in Node::text.
char relation_sign(const Token& token) {
  if (token.kind != TokenKind::op) return 0;
  const std::string& t = token.text;
  if (t == "=" || t == "<" || t == ">") return t[0];
  if (t == "<=") return 'l';
  if (t == ">=") return 'g';
  if (t == "!=") return 'n';
  if (t == "in") return 'e';
  if (t == "equiv") return 'q';
  if (t == "->") return 't';
  if (t == "=>") return 'i';
  if (t == "<=>") return 'f';
  if (t == "subset") return 's';
  if (t == "mid") return 'd';
  return 0;
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, Arena& arena) : tokens_(std::move(tokens)), arena_(arena) {}

  Node* run() {
    Node* answer = list();
    return failed_ || !at_end() ? nullptr : answer;
  }

 private:
  bool at_end() const { return at_ >= tokens_.size(); }
  const Token& peek(std::size_t ahead = 0) const {
    static const Token end{TokenKind::junk, "", false, false};
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end;
  }
  bool take(TokenKind kind, std::string_view text) {
    if (at_end() || !peek().is(kind, text)) return false;
    ++at_;
    return true;
  }
  bool take_op(std::string_view text) { return take(TokenKind::op, text); }
  // Nothing more can be read; every loop ends at the end of the tokens.
  Node* fail() {
    failed_ = true;
    at_ = tokens_.size();
    return arena_.make(NodeKind::text, "");
  }
  Node* make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children = {}) {
    return arena_.make(kind, text, children);
  }

  bool at_separator() const {
    return !at_end() && (peek().op(",") || peek().op(";") || peek().op("and") || peek().op("or"));
  }

  Node* list() {
    const Budget::Level level(arena_.budget());
    Node* first = relation();
    if (!at_separator()) return first;
    Node* list = make(NodeKind::list, "", {first});
    while (at_separator()) {
      while (at_separator()) ++at_;  // ", and"
      if (at_end() || peek().kind == TokenKind::close || peek().kind == TokenKind::end_env) break;
      list->children.push_back(relation());
    }
    return list->children.size() == 1 ? first : list;
  }

  Node* relation() {
    take_op("approx");
    Node* first = sets();
    std::string signs;
    Node* chain = nullptr;
    while (!at_end()) {
      if (peek().op("approx")) {  // the exact part counts: "1/3 ≈ 0.33"
        ++at_;
        sets();
        continue;
      }
      const char sign = relation_sign(peek());
      if (sign == 0) break;
      ++at_;
      if (!chain) chain = make(NodeKind::relation, "", {first});
      signs += sign;
      chain->children.push_back(sets());
    }
    if (chain) chain->text = arena_.keep(signs);
    return modulus(chain ? chain : first);
  }

  // "3 (mod 7)", "3 \pmod{7}", "3 mod 7"; of "x ≡ 3 (mod 7)" the value is 3.
  Node* modulus(Node* value) {
    const bool bracketed = peek().is(TokenKind::open, "(") && peek(1).op("mod");
    if (!bracketed && !peek().op("mod") && !peek().is(TokenKind::function, "pmod")) return value;
    at_ += bracketed ? 2 : 1;
    Node* modulus = sum();
    if (bracketed && !take(TokenKind::close, ")")) return fail();
    if (value->is(NodeKind::relation)) value = value->children.back();
    return make(NodeKind::modular, "", {value, modulus});
  }

  Node* sets() {
    Node* left = ratio();
    while (!at_end()) {
      const bool letter_u = peek().is(TokenKind::name, "U") && left->is(NodeKind::tuple);  // "(0,1) U (2,3)"
      const std::string op = letter_u ? "cup" : peek().text;
      if (!letter_u && !peek().op("cup") && !peek().op("cap") && !peek().op("setminus")) break;
      ++at_;
      Node* right = ratio();
      if (left->is(NodeKind::set_operation, op) && op != "setminus") {
        left->children.push_back(right);
      } else {
        left = make(NodeKind::set_operation, op, {left, right});
      }
    }
    return left;
  }

  Node* ratio() {
    Node* left = quantity();
    if (!peek().op(":")) return left;
    Node* ratio = make(NodeKind::ratio, "", {left});
    while (take_op(":")) ratio->children.push_back(quantity());
    return ratio;
  }

  // "5 cm", "12 square feet", "15 cm^2", "60 km/h": words after a value.
  Node* quantity() {
    Node* value = sum();
    if (peek().kind != TokenKind::word || at_end() || value->is(NodeKind::text)) return value;
    std::string unit;
    while (!at_end()) {
      if (peek().kind == TokenKind::word) {
        unit += unit_name(tokens_[at_++].text);
      } else if (peek().op("^") && !unit.empty()) {
        const std::size_t brace = peek(1).is(TokenKind::open, "{") ? 1 : 0;
        if (peek(1 + brace).kind != TokenKind::number) return fail();
        unit += peek(1 + brace).text;
        at_ += 2 + 2 * brace;
      } else if ((peek().op("/") || peek().op("*")) && peek(1).kind == TokenKind::word) {
        unit += peek().text;
        ++at_;
      } else {
        break;
      }
    }
    return make(NodeKind::quantity, unit_name(unit), {value});
  }

  Node* sum() {
    const Budget::Level level(arena_.budget());
    Node* first = nullptr;
    if (take_op("-")) {
      first = make(NodeKind::negate, "", {signed_term()});
    } else if (take_op("pm")) {
      first = make(NodeKind::plus_minus, "+", {term()});
    } else if (take_op("mp")) {
      first = make(NodeKind::plus_minus, "-", {term()});
    } else {
      take_op("+");
      first = signed_term();
    }
    Node* sum = nullptr;
    while (!at_end()) {
      Node* next = nullptr;
      if (take_op("+")) {
        next = signed_term();
      } else if (take_op("-")) {
        next = make(NodeKind::negate, "", {signed_term()});
      } else if (take_op("pm")) {
        next = make(NodeKind::plus_minus, "+", {term()});
      } else if (take_op("mp")) {
        next = make(NodeKind::plus_minus, "-", {term()});
      } else {
        break;
      }
      if (!sum) sum = make(NodeKind::sum, "", {first});
      sum->children.push_back(next);
    }
    return sum ? sum : first;
  }

  // "3 + -2", "- -2".
  Node* signed_term() {
    const Budget::Level level(arena_.budget());
    if (take_op("-")) return make(NodeKind::negate, "", {signed_term()});
    return term();
  }

  static bool is_whole(const Node& node) { return node.is(NodeKind::number) && is_integer(node.text); }
  // A proper fraction of whole numbers: after a whole number it makes a mixed number, not a product.
  static bool is_proper_fraction(const Node& node) {
    if (node.is(NodeKind::number)) return node.text.find('/') != std::string_view::npos;
    if (!node.is(NodeKind::quotient) || !is_whole(*node.children[0]) || !is_whole(*node.children[1]))
      return false;
    const std::string_view top = node.children[0]->text, bottom = node.children[1]->text;
    return top.size() < bottom.size() || (top.size() == bottom.size() && top < bottom);
  }

  bool starts_factor() const {
    if (at_end()) return false;
    const Token& token = peek();
    switch (token.kind) {
      case TokenKind::name:
        return !(token.text == "U" && at_ > 0 && tokens_[at_ - 1].kind == TokenKind::close &&
                 (peek(1).kind == TokenKind::open));
      case TokenKind::function:
        return token.text != "pmod";
      case TokenKind::number:
      case TokenKind::begin_env:
        return true;
      case TokenKind::open:
        return !(token.text == "(" && peek(1).op("mod"));
      case TokenKind::op:
        return (token.text == "|" && bars_ == 0) || token.text == "...";
      default:
        return false;
    }
  }

  // Whether the text of the node ends with a literal, outside brackets: "3", "2·3" but not "(3)" or "x^{3}".
  bool ends_with_number(const Node& node) const {
    if (left_group_) return false;
    return node.is(NodeKind::number) ||
           (node.is(NodeKind::product) && node.children.back()->is(NodeKind::number));
  }

  Node* term() {
    Node* left = factor();
    bool plain = true;  // no sign has been seen: `left` may be the whole part of a mixed number
    while (!at_end()) {
      if (take_op("*")) {
        left = product(left, signed_factor());
        plain = false;
      } else if (take_op("/")) {
        left = make(NodeKind::quotient, "", {left, signed_factor()});
        plain = false;
      } else if (peek().op("%") || peek().op("deg")) {
        left = make(NodeKind::quantity, peek().text, {left});
        ++at_;
      } else if (peek().op("$") || peek().op("€") || peek().op("£")) {
        left = make(NodeKind::quantity, peek().text, {left});
        ++at_;
      } else if (starts_factor()) {
        if (left->is(NodeKind::text)) return fail();  // a sentence
        const bool number_next = peek().kind == TokenKind::number;
        if (number_next && is_whole(*left) && plain && peek(1).op("/") && peek().gap) {  // "7 3/4"
          Node* top = factor();
          take_op("/");
          Node* fraction = make(NodeKind::quotient, "", {top, factor()});
          if (!is_proper_fraction(*fraction)) return fail();
          left = make(NodeKind::sum, "", {left, fraction});
          continue;
        }
        const bool left_group = follows_group_, bracket_next = peek().kind == TokenKind::open;
        Node* right = factor();
        left_group_ = left_group;
        if (plain && !left_group && !bracket_next && is_whole(*left) && is_proper_fraction(*right)) {
          left = make(NodeKind::sum, "", {left, right});
        } else if (number_next && right->is(NodeKind::number) && ends_with_number(*left)) {
          return fail();  // "12 34" is no product
        } else {
          left = product(left, right);
        }
        plain = false;
      } else {
        break;
      }
    }
    return left;
  }

  Node* product(Node* left, Node* right) {
    if (left->is(NodeKind::product)) {
      left->children.push_back(right);
      return left;
    }
    return make(NodeKind::product, "", {left, right});
  }

  Node* signed_factor() {
    const Budget::Level level(arena_.budget());
    if (take_op("-")) return make(NodeKind::negate, "", {signed_factor()});
    if (take_op("+")) return signed_factor();
    return factor();
  }

  Node* factor() {
    const Budget::Level level(arena_.budget());
    follows_group_ = false;
    Node* base = primary();
    while (!at_end()) {
      if (take_op("^")) {
        base = make(NodeKind::power, "", {base, exponent()});
      } else if (take_op("!")) {
        const bool twice = peek().op("!") && take_op("!");
        base = make(NodeKind::function, twice ? "factorial2" : "factorial", {base});
      } else if (peek().op("_")) {
        base = subscript(base);
      } else if (peek().op("'") && base->is(NodeKind::variable)) {
        ++at_;
        base = make(NodeKind::variable, std::string(base->text) + "'");
      } else {
        break;
      }
    }
    return base;
  }

  Node* exponent() {
    const Budget::Level level(arena_.budget());
    if (take_op("-")) return make(NodeKind::negate, "", {exponent()});
    take_op("+");
    Node* base = primary();
    if (take_op("^")) return make(NodeKind::power, "", {base, exponent()});
    return base;
  }

  // Subscripts are names: all their tokens as text.
  Node* subscript(Node* base) {
    ++at_;
    std::string name;
    if (take(TokenKind::open, "{")) {
      int depth = 1;
      while (!at_end() && depth > 0) {
        const Token& token = tokens_[at_++];
        depth += token.is(TokenKind::open, "{") ? 1 : token.is(TokenKind::close, "}") ? -1 : 0;
        if (depth > 0) name += token.text;
      }
      if (depth > 0) return fail();
    } else if (!at_end()) {
      name = tokens_[at_++].text;
    }
    if (base->is(NodeKind::number) || base->is(NodeKind::text)) return base_n(base->text, name);
    if (base->is(NodeKind::variable) || base->is(NodeKind::constant))
      return make(NodeKind::variable, std::string(base->text) + "_" + name);
    if (base->is(NodeKind::product)) return fail();
    return make(NodeKind::variable, to_text(*base) + "_" + name);
  }

  Node* base_n(std::string_view digits, const std::string& base) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kWords = {
        {{"two", "2"},
         {"three", "3"},
         {"four", "4"},
         {"five", "5"},
         {"six", "6"},
         {"seven", "7"},
         {"eight", "8"},
         {"nine", "9"},
         {"ten", "10"},
         {"sixteen", "16"}}};
    std::string number = base;
    for (const auto& [word, value] : kWords)
      if (base == word) number = value;
    if (!is_integer(number)) return make(NodeKind::variable, std::string(digits) + "_" + base);
    return make(NodeKind::base_n, digits, {make(NodeKind::number, number)});
  }

  Node* primary() {
    if (at_end()) return fail();
    const Token token = peek();
    switch (token.kind) {
      case TokenKind::number:
        ++at_;
        return number(token);
      case TokenKind::name:
        ++at_;
        if (is_digit_letter(token))
          if (Node* lettered = lettered_number(token)) return lettered;
        return name(token.text);
      case TokenKind::function:
        ++at_;
        return function(token.text);
      case TokenKind::open:
        ++at_;
        return bracket(token.text);
      case TokenKind::begin_env:
        ++at_;
        return environment(token.text);
      case TokenKind::word:
        return words();
      case TokenKind::op:
        break;
      default:
        return fail();
    }
    if (take_op("...")) return make(NodeKind::variable, "...");
    if (token.text == "$" || token.text == "€" || token.text == "£" || token.text == "¥") {
      ++at_;
      return make(NodeKind::quantity, token.text, {factor()});
    }
    if (take_op("|")) {
      ++bars_;
      Node* inner = list();
      --bars_;
      if (!take_op("|")) return fail();
      return make(NodeKind::function, "abs", {inner});
    }
    return fail();
  }

  static bool is_digit_letter(const Token& token) {
    return token.kind == TokenKind::name && token.text.size() == 1 && token.text[0] >= 'A' &&
           token.text[0] <= 'F';
  }

  // "1A3_{16}", "FF_{16}": letters among the digits of a number with a base. Null when it is none.
  Node* lettered_number(const Token& first) {
    if (!is_integer(first.text) && !is_digit_letter(first)) return nullptr;
    std::string digits = first.text;
    std::size_t end = at_;
    while (end < tokens_.size() && !tokens_[end].gap &&
           (is_digit_letter(tokens_[end]) ||
            (tokens_[end].kind == TokenKind::number && is_integer(tokens_[end].text))))
      digits += tokens_[end++].text;
    if (end == at_ || end >= tokens_.size() || !tokens_[end].op("_") ||
        digits.find_first_of("0123456789") == std::string::npos)
      return nullptr;
    at_ = end;
    return make(NodeKind::number, digits);
  }

  Node* number(const Token& token) {
    Node* lettered = lettered_number(token);
    return lettered ? lettered : make(NodeKind::number, token.text);
  }

  Node* name(const std::string& name) {
    if (name == "pi" || name == "e" || name == "i") return make(NodeKind::constant, name);
    if (name == "infty") return make(NodeKind::infinity, "");
    if (name == "emptyset") return make(NodeKind::set, "");
    // Functions that the answer itself names: f(x), Φ(x, y). Others before brackets are factors.
    const bool function = name == "f" || name == "g" || name == "h" || name == "F" || name == "G" ||
                          name == "\\Phi" || name == "\\phi" || name == "\\varphi" || name == "\\Gamma";
    if (function && !peek().gap && peek().is(TokenKind::open, "(")) {
      ++at_;
      Node* arguments = bracket("(");
      std::string call = to_text(*arguments);
      if (!call.starts_with('(')) call = "(" + call + ")";
      return make(NodeKind::variable, name + call);
    }
    if (name[0] == '\\' && peek().is(TokenKind::open, "{")) {  // \overline{AB}, \vec{v}
      ++at_;
      return make(NodeKind::variable, name + "{" + to_text(*bracket("{")) + "}");
    }
    return make(NodeKind::variable, name);
  }

  Node* words() {
    std::string text;
    while (!at_end() && peek().kind == TokenKind::word) {
      if (!text.empty()) text += ' ';
      text += tokens_[at_++].text;
    }
    return make(NodeKind::text, text);
  }

  Node* bracket(const std::string& open) {
    const std::string_view plain = open == "\\{"      ? "\\}"
                                   : open == "lfloor" ? "rfloor"
                                   : open == "lceil"  ? "rceil"
                                                      : "";
    const int bars = std::exchange(bars_, 0);
    if (open == "\\{" && take(TokenKind::close, "\\}")) {
      bars_ = bars;
      return make(NodeKind::set, "");
    }
    Node* inner = list();
    if (open == "{" && take_op("choose")) inner = make(NodeKind::function, "binom", {inner, list()});
    bars_ = bars;
    if (at_end() && open == "{") return inner;  // answers in data sets lose closing braces
    const Token close = peek();
    if (at_end() || close.kind != TokenKind::close) return fail();
    ++at_;
    follows_group_ = true;
    const bool many = inner->is(NodeKind::list);
    if (!plain.empty()) {
      if (close.text != plain) return fail();
      if (open == "lfloor") return make(NodeKind::function, "floor", {inner});
      if (open == "lceil") return make(NodeKind::function, "ceil", {inner});
      return collected(NodeKind::set, "", inner, many);
    }
    if (open == "{" || open == "langle") {
      if (close.text != (open == "{" ? "}" : "rangle")) return fail();
      return open == "langle" && many ? collected(NodeKind::tuple, "()", inner, many) : inner;
    }
    if (close.text != ")" && close.text != "]") return fail();
    if (many) return collected(NodeKind::tuple, open + close.text, inner, many);
    return (open == "(") == (close.text == ")") ? inner : fail();
  }

  Node* collected(NodeKind kind, const std::string& text, Node* inner, bool many) {
    Node* node = make(kind, text);
    if (many) {
      node->children = inner->children;
    } else {
      node->children.push_back(inner);
    }
    return node;
  }

  // The argument of \frac, \binom, \sqrt: braces, or one token, of a number one digit.
  Node* argument() {
    const Budget::Level level(arena_.budget());
    if (take(TokenKind::open, "{")) return bracket("{");
    if (peek().kind == TokenKind::number && peek().text.size() > 1 && is_integer(peek().text)) {
      Token& token = tokens_[at_];
      const std::string digit = token.text.substr(0, 1);
      token.text.erase(0, 1);
      token.gap = false;
      follows_group_ = true;
      return make(NodeKind::number, digit);
    }
    Node* node = primary();
    follows_group_ = true;
    return node;
  }

  Node* function(const std::string& name) {
    const Budget::Level level(arena_.budget());
    if (name == "frac" || name == "binom") {
      if (name == "binom" && take(TokenKind::open, "(")) return call(name);
      Node* top = argument();
      Node* bottom = argument();
      follows_group_ = true;
      if (name == "binom") return make(NodeKind::function, name, {top, bottom});
      return make(NodeKind::quotient, "", {top, bottom});
    }
    if (name == "sqrt" || name == "cbrt") return root(name);
    Node* base = nullptr;
    Node* power = nullptr;
    for (int i = 0; i < 2; ++i) {
      if (!base && take_op("_")) base = argument_of_script();
      if (!power && take_op("^")) power = exponent();
    }
    Node* node = nullptr;
    if (take(TokenKind::open, "(")) {
      node = call(name);
    } else {
      node = make(NodeKind::function, name, {operand()});
      if (node->children[0]->is(NodeKind::set)) node->children = node->children[0]->children;  // \max\{3, 4\}
    }
    if (base) node->children.push_back(base);
    const bool inverse =
        power && power->is(NodeKind::negate) && power->children[0]->is(NodeKind::number, "1");
    if (inverse && (name == "sin" || name == "cos" || name == "tan")) {
      node->text = arena_.keep("arc" + name);
      return node;
    }
    return power ? make(NodeKind::power, "", {node, power}) : node;
  }

  Node* argument_of_script() {
    if (take(TokenKind::open, "{")) return bracket("{");
    return primary();
  }

  Node* call(const std::string& name) {
    Node* inner = bracket("(");
    Node* node = make(NodeKind::function, name);
    if (inner->is(NodeKind::tuple)) {
      node->children = inner->children;
    } else {
      node->children.push_back(inner);
    }
    return node;
  }

  // What a function without brackets applies to: "2x" of \sin 2x, 30° of \sin 30°.
  Node* operand() {
    Node* left = signed_factor();
    while (!at_end() &&
           (peek().kind == TokenKind::name || peek().kind == TokenKind::number ||
            (peek().is(TokenKind::function, "frac") && left->is(NodeKind::number))) &&
           starts_factor()) {
      left = product(left, factor());
    }
    if (take_op("deg")) left = make(NodeKind::quantity, "deg", {left});
    return left;
  }

  Node* root(const std::string& name) {
    Node* index = name == "cbrt" ? make(NodeKind::number, "3") : nullptr;
    if (take(TokenKind::open, "[")) {
      index = list();
      if (!take(TokenKind::close, "]")) return fail();
    }
    Node* radicand = take(TokenKind::open, "(") ? bracket("(") : argument();
    follows_group_ = true;
    Node* node = make(NodeKind::function, "sqrt", {radicand});
    if (index) node->children.push_back(index);
    return node;
  }

  Node* environment(const std::string& name) {
    const bool matrix = name == "pmatrix" || name == "bmatrix" || name == "matrix" || name == "array" ||
                        name == "smallmatrix" || name == "Bmatrix" || name == "psmallmatrix";
    Node* rows = make(NodeKind::matrix, matrix ? "matrix" : name);
    const int bars = std::exchange(bars_, 0);
    while (!at_end() && peek().kind != TokenKind::end_env) {
      Node* row = make(NodeKind::tuple, "[]");
      while (!at_end()) {
        row->children.push_back(list());
        if (!take_op("&")) break;
      }
      rows->children.push_back(row);
      if (!take_op("\\\\")) break;
    }
    bars_ = bars;
    if (!take(TokenKind::end_env, name)) return fail();
    return rows;
  }

  std::vector<Token> tokens_;
  Arena& arena_;
  std::size_t at_ = 0;
  int bars_ = 0;                // open |…|
  bool follows_group_ = false;  // the last factor ended with a bracket
  bool left_group_ = false;     // the one before it did
  bool failed_ = false;
};

}  // namespace

bool has_groups_in_brackets(const std::vector<Token>& tokens) {
  int depth = 0;
  for (const Token& token : tokens) {
    depth += token.kind == TokenKind::open ? 1 : token.kind == TokenKind::close ? -1 : 0;
    if (depth > 0 && token.grouped) return true;
  }
  return false;
}

Node* parse_answer(const std::vector<Token>& tokens, bool split_groups, Arena& arena) {
  arena.budget().charge(static_cast<std::int64_t>(tokens.size()));
  if (!split_groups) return Parser(tokens, arena).run();
  std::vector<Token> split;
  int depth = 0;
  for (const Token& token : tokens) {
    depth += token.kind == TokenKind::open ? 1 : token.kind == TokenKind::close ? -1 : 0;
    if (depth == 0 || !token.grouped) {
      split.push_back(token);
      continue;
    }
    const std::size_t lead = (token.text.size() - 1) % 3 + 1;
    split.push_back({TokenKind::number, token.text.substr(0, lead), token.gap, false});
    for (std::size_t i = lead; i < token.text.size(); i += 3) {
      split.push_back({TokenKind::op, ",", false, false});
      split.push_back({TokenKind::number, token.text.substr(i, 3), false, false});
    }
  }
  return Parser(std::move(split), arena).run();
}

}  // namespace pope
