// See parser_factor.h.
#include "verify/parser_factor.h"

#include <array>

#include "verify/bound_variable.h"
#include "verify/words.h"

namespace pope {
namespace {

bool is_series_name(std::string_view name) {
  return name == "\\sum" || name == "\\prod" || name == "\\int" || name == "\\lim";
}

bool holds_series(const Node& node) {
  return node.is(NodeKind::series) || std::any_of(node.children.begin(), node.children.end(),
                                                  [](const Node* n) { return holds_series(*n); });
}

}  // namespace

const Token& FactorParser::peek(std::size_t ahead) const {
  static const Token end{TokenKind::junk, "", false, false};
  return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end;
}

bool FactorParser::take(TokenKind kind, std::string_view text) {
  if (at_end() || !peek().is(kind, text)) return false;
  ++at_;
  return true;
}

// Nothing more can be read; every loop ends at the end of the tokens.
Node* FactorParser::fail() {
  failed_ = true;
  at_ = tokens_.size();
  return arena_.make(NodeKind::text, "");
}

Node* FactorParser::make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children) {
  return arena_.make(kind, text, children);
}

Node* FactorParser::factor() {
  const Budget::Level level(arena_.budget());
  follows_group_ = false;
  Node* base = primary();
  if (Node* chosen = combinations(base)) base = chosen;
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

// "C_n^3", "C_{10}^{3}", "C^3_{10}": binomial coefficients, where what is chosen is a number below the other
// or that is no number. Null, with nothing consumed, for powers of a name: C_1^2.
Node* FactorParser::combinations(const Node* base) {
  if (!base->is(NodeKind::variable, "C") || (!peek().op("_") && !peek().op("^"))) return nullptr;
  const std::size_t start = at_;
  const bool below_first = peek().op("_");
  ++at_;
  Node* first = argument_of_script();
  if (!failed_ && take_op(below_first ? "^" : "_")) {
    Node* second = argument_of_script();
    Node *n = below_first ? first : second, *k = below_first ? second : first;
    const bool whole_n = n->is(NodeKind::number) && is_integer(n->text),
               whole_k = k->is(NodeKind::number) && is_integer(k->text);
    const bool fewer =
        n->text.size() > k->text.size() || (n->text.size() == k->text.size() && n->text > k->text);
    if (!failed_ && (whole_n ? whole_k && fewer : whole_k || k->is(NodeKind::variable)))
      return make(NodeKind::function, "binom", {n, k});
  }
  failed_ = false;
  at_ = start;
  return nullptr;
}

Node* FactorParser::exponent() {
  const Budget::Level level(arena_.budget());
  if (take_op("-")) return make(NodeKind::negate, "", {exponent()});
  take_op("+");
  Node* base = argument_of_script();
  if (take_op("^")) return make(NodeKind::power, "", {base, exponent()});
  return base;
}

// Subscripts are names: all their tokens as text.
Node* FactorParser::subscript(Node* base) {
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
  name = ordered_subscript(name);
  if (base->is(NodeKind::variable) || base->is(NodeKind::constant))
    return make(NodeKind::variable, std::string(base->text) + "_" + name);
  if (base->is(NodeKind::product)) return fail();
  return make(NodeKind::variable, to_text(*base) + "_" + name);
}

Node* FactorParser::base_n(std::string_view digits, const std::string& base) {
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
  std::string number = text_key(base);  // "_{(2)}", "_{\text{base }2}", "_{\text{two}}"
  if (number.starts_with("base")) number.erase(0, 4);
  for (const auto& [word, value] : kWords)
    if (number == word) number = value;
  if (!is_integer(number)) return make(NodeKind::variable, std::string(digits) + "_" + base);
  return make(NodeKind::base_n, digits, {make(NodeKind::number, number)});
}

Node* FactorParser::primary() {
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
    case TokenKind::open: {
      ++at_;
      Node* group = bracket(token.text);
      const bool set = token.text == "{" && group->is(NodeKind::list) && group->text != "&";
      return set ? collected(NodeKind::set, "", group, true) : group;
    }
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
  if (is_currency(token)) {
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

bool FactorParser::is_digit_letter(const Token& token) {
  return token.kind == TokenKind::name && token.text.size() == 1 && token.text[0] >= 'A' &&
         token.text[0] <= 'F';
}

// "1A3_{16}", "FF_{16}": letters among the digits of a number with a base. Null when it is none.
Node* FactorParser::lettered_number(const Token& first) {
  if (!is_integer(first.text) && !is_digit_letter(first)) return nullptr;
  std::string digits = first.text;
  std::size_t end = at_;
  while (end < tokens_.size() && !tokens_[end].gap &&
         (is_digit_letter(tokens_[end]) ||
          (tokens_[end].kind == TokenKind::number && is_integer(tokens_[end].text))))
    digits += tokens_[end++].text;
  if (end == at_ || end >= tokens_.size() || !tokens_[end].op("_")) return nullptr;
  const std::size_t base =
      end + 1 < tokens_.size() && tokens_[end + 1].is(TokenKind::open, "{") ? end + 2 : end + 1;
  const bool hexadecimal = base < tokens_.size() && tokens_[base].is(TokenKind::number, "16");
  if (!hexadecimal && digits.find_first_of("0123456789") == std::string::npos) return nullptr;
  at_ = end;
  return make(NodeKind::number, digits);
}

Node* FactorParser::number(const Token& token) {
  Node* lettered = lettered_number(token);
  return lettered ? lettered : make(NodeKind::number, token.text);
}

Node* FactorParser::name(const std::string& name) {
  if (is_bound(name)) return make(NodeKind::variable, name);
  if (is_series_name(name))
    if (Node* operation = series(std::string_view(name).substr(1))) return operation;
  if (name == "pi" || name == "e" || name == "i") return make(NodeKind::constant, name);
  if (name == "infty") return make(NodeKind::infinity, "");
  if (name == "emptyset") return make(NodeKind::set, "");
  // Functions that the answer itself names: f(x), Φ(x, y). Others before brackets are factors.
  const bool function = name == "f" || name == "g" || name == "h" || name == "F" || name == "G" ||
                        name == "\\Phi" || name == "\\phi" || name == "\\varphi" || name == "\\Gamma";
  if (Node* call = call_with_number(name)) return call;
  const bool inverse = function && take_inverse();
  if (function && !peek().gap && peek().is(TokenKind::open, "(")) {
    ++at_;
    Node* arguments = bracket("(");
    std::string call = to_text(*arguments);
    if (!call.starts_with('(')) call = "(" + call + ")";
    return make(NodeKind::variable, name + (inverse ? "^-1" : "") + call);
  }
  if (name[0] == '\\' && peek().is(TokenKind::open, "{")) {  // \overline{AB}, \vec{v}
    ++at_;
    return make(NodeKind::variable, name + "{" + to_text(*bracket("{")) + "}");
  }
  return make(NodeKind::variable, name);
}

// "T(10)" of "T(10) = 2": a value of T, and no product. Null where no equation says so.
Node* FactorParser::call_with_number(const std::string& name) {
  if (name.size() != 1 || (name[0] >= 'x' && name[0] <= 'z') || peek().gap ||
      !peek().is(TokenKind::open, "(") || peek(1).kind != TokenKind::number ||
      !peek(2).is(TokenKind::close, ")") || !peek(3).op("="))
    return nullptr;
  Node* call = make(NodeKind::variable, name + "(" + peek(1).text + ")");
  at_ += 3;
  return call;
}

// The "^{-1}" of f^{-1}(x).
bool FactorParser::take_inverse() {
  const bool found = peek().op("^") && peek(1).is(TokenKind::open, "{") && peek(2).op("-") &&
                     peek(3).is(TokenKind::number, "1") && peek(4).is(TokenKind::close, "}") &&
                     peek(5).is(TokenKind::open, "(");
  if (found) at_ += 5;
  return found;
}

Node* FactorParser::words() {
  std::string text;
  while (!at_end() && peek().kind == TokenKind::word) {
    if (!text.empty()) text += ' ';
    text += tokens_[at_++].text;
  }
  const std::string key = text_key(text);
  if (key == "allrealnumbers" || key == "allreals") return make(NodeKind::variable, "\\mathbb{R}");
  for (const std::string_view empty :
       {"emptyset", "theemptyset", "nosolution", "nosolutions", "thereisnosolution", "therearenosolutions",
        "nullset", "norealsolution", "norealsolutions", "nosolutionexists", "nosolutionsexist"})
    if (key == empty) return make(NodeKind::set, "");
  return make(NodeKind::text, text);
}

Node* FactorParser::bracket(const std::string& open) {
  const std::string_view plain = open == "\\{"      ? "\\}"
                                 : open == "lfloor" ? "rfloor"
                                 : open == "lceil"  ? "rceil"
                                                    : "";
  const int bars = std::exchange(bars_, 0);
  const bool argument = std::exchange(argument_next_, false);
  if (open == "\\{" && take(TokenKind::close, "\\}")) {
    bars_ = bars;
    return make(NodeKind::set, "");
  }
  Node* inner = open == "\\{" || open == "{" ? set_builder() : nullptr;
  const bool built = inner != nullptr;
  if (!built && !argument && open != "langle") inner = split_group();
  if (!inner) inner = list();
  if (open == "{" && take_op("over")) inner = make(NodeKind::quotient, "", {inner, list()});
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
    return built ? inner : collected(NodeKind::set, "", inner, many);
  }
  if (open == "{" || open == "langle") {
    if (close.text != (open == "{" ? "}" : "rangle")) return fail();
    return open == "langle" && many ? collected(NodeKind::tuple, "()", inner, many) : inner;
  }
  if (close.text != ")" && close.text != "]") return fail();
  if (many) return collected(NodeKind::tuple, open + close.text, inner, many);
  return (open == "(") == (close.text == ")") ? inner : fail();
}

// "(3,141)", "{1,234}": all that stands in the brackets is a number with bare commas, which are two then.
// Null otherwise.
Node* FactorParser::split_group() {
  if (!peek().grouped || peek(1).kind != TokenKind::close) return nullptr;
  const std::string digits = tokens_[at_++].text;
  Node* values = make(NodeKind::list, "");
  const std::size_t lead = (digits.size() - 1) % 3 + 1;
  values->children.push_back(make(NodeKind::number, digits.substr(0, lead)));
  for (std::size_t i = lead; i < digits.size(); i += 3)
    values->children.push_back(make(NodeKind::number, digits.substr(i, 3)));
  return values;
}

// "x | x > 2", "x ∈ ℝ : x ≠ 2, x < 5" between braces: the condition alone, which the matcher reads as a
// range. Null for other sets.
Node* FactorParser::set_builder() {
  if (peek().kind != TokenKind::name) return nullptr;
  const bool real =
      peek(1).op("in") && (peek(2).is(TokenKind::name, "\\mathbb{R}") || peek(2).is(TokenKind::name, "R"));
  const std::size_t bar = real ? 3 : 1;
  if (!peek(bar).op("mid") && !peek(bar).op("|") && !peek(bar).op(":")) return nullptr;
  bool inequality = false;
  int level = 0;  // of brackets inside
  for (std::size_t i = bar; at_ + i < tokens_.size() && level >= 0; ++i) {
    level += peek(i).kind == TokenKind::open ? 1 : peek(i).kind == TokenKind::close ? -1 : 0;
    inequality = inequality || peek(i).op("<") || peek(i).op(">") || peek(i).op("<=") || peek(i).op(">=") ||
                 peek(i).op("!=") || peek(i).op("in");
  }
  if (!inequality) return nullptr;
  at_ += bar + 1;
  Node* condition = list();
  if (condition->is(NodeKind::list, "")) condition->text = "&";
  return condition;
}

Node* FactorParser::collected(NodeKind kind, const std::string& text, Node* inner, bool many) {
  Node* node = make(kind, text);
  if (many) {
    node->children = inner->children;
  } else {
    node->children.push_back(inner);
  }
  return node;
}

// The argument of \frac, \binom, \sqrt: braces, or one token, of a number one digit.
Node* FactorParser::argument() {
  const Budget::Level level(arena_.budget());
  if (peek().is(TokenKind::open, "{")) return argument_of_script();
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

Node* FactorParser::function(const std::string& name) {
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
  if (name == "cis" && !base && !power && node->children.size() == 1) {  // cos θ + i sin θ
    Node* angle = node->children[0];
    Node* imaginary = make(NodeKind::product, "",
                           {make(NodeKind::constant, "i"), make(NodeKind::function, "sin", {angle})});
    return make(NodeKind::sum, "", {make(NodeKind::function, "cos", {angle}), imaginary});
  }
  if (base) node->children.push_back(base);
  const bool inverse = power && power->is(NodeKind::negate) && power->children[0]->is(NodeKind::number, "1");
  if (inverse && (name == "sin" || name == "cos" || name == "tan")) {
    node->text = arena_.keep("arc" + name);
    return node;
  }
  return power ? make(NodeKind::power, "", {node, power}) : node;
}

// Braces, or one token. "1,000" in them is a number.
Node* FactorParser::argument_of_script() {
  if (!take(TokenKind::open, "{")) return primary();
  argument_next_ = true;
  return bracket("{");
}

Node* FactorParser::call(const std::string& name) {
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
Node* FactorParser::operand() {
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

Node* FactorParser::root(const std::string& name) {
  const bool plain = tokens_[at_ - 1].plain;  // √12 is √(12), \sqrt12 is √1·2
  Node* index = name == "cbrt" ? make(NodeKind::number, "3") : nullptr;
  if (take(TokenKind::open, "[")) {
    index = list();
    if (!take(TokenKind::close, "]")) return fail();
  }
  const bool whole = plain && peek().kind == TokenKind::number;
  Node* radicand = take(TokenKind::open, "(") ? bracket("(") : whole ? primary() : argument();
  follows_group_ = true;
  Node* node = make(NodeKind::function, "sqrt", {radicand});
  if (index) node->children.push_back(index);
  return node;
}

Node* FactorParser::environment(const std::string& name) {
  const bool matrix = name == "pmatrix" || name == "bmatrix" || name == "matrix" || name == "array" ||
                      name == "smallmatrix" || name == "Bmatrix" || name == "psmallmatrix";
  const bool cases = name == "cases" || name == "dcases" || name == "rcases";
  Node* rows = make(NodeKind::matrix, matrix ? "matrix" : cases ? "cases" : name);
  bool system = cases || name == "array" || name == "matrix";  // of equations, one in each row
  const int bars = std::exchange(bars_, 0);
  while (!at_end() && peek().kind != TokenKind::end_env) {
    Node* row = make(NodeKind::tuple, "[]");
    while (!at_end()) {
      row->children.push_back(cases ? cell(!row->children.empty()) : list());
      if (!take_op("&")) break;
    }
    system = system && row->children.size() == 1 && row->children[0]->is(NodeKind::relation);
    rows->children.push_back(row);
    if (!take_op("\\\\")) break;
  }
  bars_ = bars;
  if (!take(TokenKind::end_env, name)) return fail();
  if (!system || rows->children.empty()) return rows;
  Node* equations = make(NodeKind::list, "");
  for (const Node* row : rows->children) equations->children.push_back(row->children[0]);
  return equations;
}

// Of a case distinction: "x,", "if x > 0", "n even", "otherwise". A condition in words is their text.
Node* FactorParser::cell(bool condition) {
  while (take(TokenKind::word, "if") || take(TokenKind::word, "for") || take(TokenKind::word, "when")) {
  }
  std::size_t end = at_;
  bool words = false;
  for (; end < tokens_.size() && tokens_[end].kind != TokenKind::end_env && !tokens_[end].op("&") &&
         !tokens_[end].op("\\\\");
       ++end)
    words = words || tokens_[end].kind == TokenKind::word;
  if (!condition || !words) return list();
  std::string text;
  for (; at_ < end; ++at_)
    if (peek().text != "is" && !peek().op(",") && !peek().op(".")) text += peek().text + " ";
  return make(NodeKind::text, text);
}

// Sums, products, integrals and limits: an operator, its bounds, and the term it applies to. As in TeX the
// term ends at the next + or -: \sum_{k=1}^{3} k + 1 is 7.
// What stands below the operator: of counted ones (\sum, \prod) the variable and its first value, of limits
// the tokens as text and the first as variable, of integrals a value. False when it is no such bound.
bool FactorParser::lower_bound(std::string_view operation, Bounds& bounds) {
  if (operation == "int") {
    bounds.lower = argument_of_script();
    bounds.text = to_text(*bounds.lower);
    return true;
  }
  if (!take(TokenKind::open, "{") || peek().kind != TokenKind::name) return false;
  bounds.variable = peek().text;
  if (operation == "lim") {
    for (int depth = 1; !at_end(); ++at_) {
      depth += peek().is(TokenKind::open, "{") ? 1 : peek().is(TokenKind::close, "}") ? -1 : 0;
      if (depth == 0) break;
      bounds.text += peek().text;
    }
  } else {
    ++at_;
    if (!take_op("=")) return false;
    bounds.lower = sum();
  }
  return take(TokenKind::close, "}");
}

// Behind the operator. Null, with nothing consumed, when bounds are missing that it needs; it is then a name.
Node* FactorParser::series(std::string_view operation) {
  const Budget::Level level(arena_.budget());
  const bool counted = operation == "sum" || operation == "prod";
  const std::size_t start = at_;
  Bounds bounds;
  for (int i = 0; i < 2 && !failed_; ++i) {
    if (peek().op("_") && !bounds.lower) {
      ++at_;
      if (!lower_bound(operation, bounds)) return at_ = failed_ ? at_ : start, nullptr;
    } else if (peek().op("^") && !bounds.upper && operation != "lim") {
      ++at_;
      bounds.upper = exponent();
      bounds.text += "^" + to_text(*bounds.upper);
    }
  }
  const bool complete = counted ? bounds.lower && bounds.upper : operation == "int" || !bounds.text.empty();
  if (failed_ || !complete) return at_ = failed_ ? at_ : start, nullptr;
  bound_.push_back(bounds.variable);  // in the term, "i" is the variable and not √-1
  Node* body = take_op("-") ? make(NodeKind::negate, "", {term()}) : term();
  bound_.pop_back();
  follows_group_ = true;
  if (operation == "int")
    if (const Node* dx = differential(*body)) bounds.variable = dx->text;
  const bool hidden = bounds.variable.empty() || hides(*body, bounds.variable);
  Node* variable = make(NodeKind::variable, hidden ? "" : bounds.variable);
  if (counted && !hidden)
    return make(NodeKind::series, operation, {body, variable, bounds.lower, bounds.upper});
  if (counted && !bounds.variable.empty() && !holds_series(*body)) {
    const std::string text = std::string(operation) + "_" + to_text(*bounds.lower) + bounds.text;
    return make(NodeKind::series, text,
                {with_index(*body, bounds.variable, arena_), make(NodeKind::variable, kIndex)});
  }
  if (counted) bounds.text = bounds.variable + "=" + to_text(*bounds.lower) + bounds.text;
  return make(NodeKind::series, std::string(operation) + "_" + bounds.text, {body, variable});
}

bool FactorParser::is_bound(std::string_view name) const {
  return std::find(bound_.begin(), bound_.end(), name) != bound_.end();
}

}  // namespace pope
