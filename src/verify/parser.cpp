// From lists down to terms; the grammar stands in parser_class.h.
#include "verify/parser.h"

#include "verify/parser_class.h"
#include "verify/words.h"

namespace pope {
namespace {

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

}  // namespace

Node* Parser::run() {
  Node* answer = list();
  if (take_op("over")) answer = make(NodeKind::quotient, "", {answer, list()});
  return failed_ || !at_end() ? nullptr : answer;
}

const Token& Parser::peek(std::size_t ahead) const {
  static const Token end{TokenKind::junk, "", false, false};
  return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : end;
}

bool Parser::take(TokenKind kind, std::string_view text) {
  if (at_end() || !peek().is(kind, text)) return false;
  ++at_;
  return true;
}

// Nothing more can be read; every loop ends at the end of the tokens.
Node* Parser::fail() {
  failed_ = true;
  at_ = tokens_.size();
  return arena_.make(NodeKind::text, "");
}

Node* Parser::make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children) {
  return arena_.make(kind, text, children);
}

bool Parser::at_separator() const {
  return !at_end() && (peek().op(",") || peek().op(";") || peek().op("and") || peek().op("or"));
}

Node* Parser::list() {
  const Budget::Level level(arena_.budget());
  Node* first = relation();
  if (!at_separator()) return first;
  Node* list = make(NodeKind::list, "", {first});
  while (at_separator()) {
    while (at_separator()) ++at_;  // ", and"
    if (at_end() || peek().kind == TokenKind::close || peek().kind == TokenKind::end_env || peek().op("&") ||
        peek().op("\\\\"))
      break;
    list->children.push_back(relation());
  }
  return list->children.size() == 1 ? first : list;
}

Node* Parser::relation() {
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
Node* Parser::modulus(Node* value) {
  const bool bracketed = peek().is(TokenKind::open, "(") && peek(1).op("mod");
  if (!bracketed && !peek().op("mod") && !peek().is(TokenKind::function, "pmod")) return value;
  at_ += bracketed ? 2 : 1;
  Node* modulus = sum();
  if (bracketed && !take(TokenKind::close, ")")) return fail();
  if (value->is(NodeKind::relation)) value = value->children.back();
  return make(NodeKind::modular, "", {value, modulus});
}

Node* Parser::sets() {
  Node* left = ratio();
  if (left->is(NodeKind::sum) && left->children.size() == 2 && left->children[0]->is(NodeKind::variable) &&
      left->children[0]->text.starts_with("\\mathbb") && left->children[1]->is(NodeKind::negate) &&
      left->children[1]->children[0]->is(NodeKind::set))  // "ℝ - {0}"
    left = make(NodeKind::set_operation, "setminus", {left->children[0], left->children[1]->children[0]});
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

Node* Parser::ratio() {
  if (Node* time = clock()) return time;
  Node* left = quantity();
  const auto sign = [&] { return take_op(":") || take(TokenKind::word, "to"); };
  if (!sign()) return left;
  Node* ratio = make(NodeKind::ratio, "", {left, quantity()});
  while (sign()) ratio->children.push_back(quantity());
  return ratio;
}

// "3:30", "03:30 p.m.": a ratio that may be a time of day, with its text as "3:30pm". Null when it is none.
Node* Parser::clock() {
  const auto digits = [&](std::size_t ahead, std::size_t least, int limit) {
    const Token& token = peek(ahead);
    return token.kind == TokenKind::number && is_integer(token.text) && token.text.size() >= least &&
           token.text.size() <= 2 && std::stoi(token.text) < limit;
  };
  if (!digits(0, 1, 25) || !peek(1).op(":") || !digits(2, 2, 60) || peek(1).gap || peek(2).gap)
    return nullptr;
  std::string half;
  std::size_t end = 3;
  for (; peek(end).kind == TokenKind::word || peek(end).kind == TokenKind::name || peek(end).op("."); ++end)
    half += unit_name(peek(end).text);
  if (half == "noon") half = "pm";
  if (half == "midnight") half = "am";
  if (peek(end).op(":") || (half != "" && half != "am" && half != "pm")) return nullptr;
  const std::string hour = peek().text == "00"
                               ? "0"
                               : peek().text.substr(peek().text.size() == 2 && peek().text[0] == '0' ? 1 : 0);
  Node* time = make(NodeKind::ratio, hour + ":" + peek(2).text + half,
                    {make(NodeKind::number, peek().text), make(NodeKind::number, peek(2).text)});
  at_ += end;
  return time;
}

// "5 cm", "12 square feet", "15 cm^2", "60 miles per hour", "5 million dollars": words after a value. Words
// that say another value ("5 or more") are no unit.
Node* Parser::quantity() {
  Node* value = sum();
  if (at_end() || peek().kind != TokenKind::word || !is_unit(peek().text) || value->is(NodeKind::text))
    return value;
  if (Node* based = base_in_words(value)) return based;
  std::string unit;
  while (!at_end()) {
    if (peek().kind == TokenKind::word && is_unit(peek().text)) {
      std::string_view words = tokens_[at_++].text;
      while (!words.empty()) {
        const std::size_t space = std::min(words.find(' '), words.size());
        const std::string name = unit_name(words.substr(0, space));
        words.remove_prefix(std::min(space + 1, words.size()));
        if (unit.empty() && multiplier(name) != 0) {
          value = make(NodeKind::quantity, name, {value});
        } else {
          unit += name == "per" ? "/" : name;
        }
      }
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
  return unit.empty() ? value : make(NodeKind::quantity, unit_name(unit), {value});
}

// "1011 base 2", "1011 (base 2)". Null when it says something else.
Node* Parser::base_in_words(Node* value) {
  if (!value->is(NodeKind::number)) return nullptr;
  const std::string words = text_key(peek().text);
  const bool number_next = peek(1).kind == TokenKind::number;
  const std::size_t base = words.starts_with("inbase") ? 6 : 4;
  if (!words.starts_with("base") && base == 4) return nullptr;
  const std::string number = number_next ? peek(1).text : words.substr(base);
  if (!is_integer(number)) return nullptr;
  at_ += number_next ? 2 : 1;
  return base_n(value->text, number);
}

Node* Parser::sum() {
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
Node* Parser::signed_term() {
  const Budget::Level level(arena_.budget());
  if (take_op("-")) return make(NodeKind::negate, "", {signed_term()});
  return term();
}

// A proper fraction of whole numbers: after a whole number it makes a mixed number, not a product.
bool Parser::is_proper_fraction(const Node& node) {
  if (node.is(NodeKind::number)) return node.text.find('/') != std::string_view::npos;
  if (!node.is(NodeKind::quotient) || !is_whole(*node.children[0]) || !is_whole(*node.children[1]))
    return false;
  const std::string_view top = node.children[0]->text, bottom = node.children[1]->text;
  return top.size() < bottom.size() || (top.size() == bottom.size() && top < bottom);
}

bool Parser::starts_factor() const {
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
bool Parser::ends_with_number(const Node& node) const {
  if (left_group_) return false;
  return node.is(NodeKind::number) ||
         (node.is(NodeKind::product) && node.children.back()->is(NodeKind::number));
}

Node* Parser::term() {
  Node* left = factor();
  bool plain = true;  // no sign has been seen: `left` may be the whole part of a mixed number
  while (!at_end()) {
    if (take_op("*")) {
      left = product(left, signed_factor());
      plain = false;
    } else if (take_op("/")) {
      left = make(NodeKind::quotient, "", {left, signed_factor()});
      plain = false;
    } else if (take_op("deg")) {  // "25°", "25 °C"
      const std::string scale =
          peek().kind == TokenKind::name || peek().kind == TokenKind::word ? peek().text : "";
      const bool thermometer = scale == "C" || scale == "F";
      if (thermometer) ++at_;
      left = make(NodeKind::quantity, thermometer ? "deg" + scale : "deg", {left});
    } else if (peek().op("%") || is_currency(peek())) {
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
      } else if (right->is(NodeKind::text) && bracket_next && left->is(NodeKind::number) &&
                 is_unit(right->text)) {
        left = make(NodeKind::quantity, unit_name(right->text), {left});  // "12 (cm)"
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

Node* Parser::product(Node* left, Node* right) {
  if (left->is(NodeKind::product)) {
    left->children.push_back(right);
    return left;
  }
  return make(NodeKind::product, "", {left, right});
}

Node* Parser::signed_factor() {
  const Budget::Level level(arena_.budget());
  if (take_op("-")) return make(NodeKind::negate, "", {signed_factor()});
  if (take_op("+")) return signed_factor();
  return factor();
}

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
