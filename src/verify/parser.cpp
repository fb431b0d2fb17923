// Recursive descent, from loose to tight (parser_factor.h goes on with factors):
//   list      relation { ("," | ";" | "and" | "or") relation }          Node::text: "|" or "&" for or, and
//   relation  sets { (= < > <= >= != in equiv -> …) sets }    one character of Node::text for each sign
//   sets      ratio { (cup | cap | setminus) ratio }
//   ratio     clock | quantity { (":" | "to") quantity }
//   quantity  sum [unit] | number unit number unit …                  "2 h 30 min"
//   sum       ["+" | "-" | "±"] term { ("+" | "-" | "±" | "∓") term }
//   term      factor { ["*" | "/" | mod] factor } [% | °]     a missing sign: a product, or a mixed number
#include "verify/parser.h"

#include "verify/parser_factor.h"
#include "verify/relations.h"
#include "verify/units.h"
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
  if (t == "notin") return 'o';
  if (t == "equiv") return 'q';
  if (t == "->") return 't';
  if (t == "=>") return 'i';
  if (t == "<=>") return 'f';
  if (t == "subset") return 's';
  if (t == "mid") return 'd';
  return 0;
}

class Parser : FactorParser {
 public:
  Parser(std::vector<Token> tokens, Arena& arena) : FactorParser(std::move(tokens), arena) {}
  Node* run();

 private:
  char separator() const;
  Node* list() override;
  Node* joined(Node* list, const std::string& joints);
  Node* relation();
  Node* modulus(Node* value);
  Node* sets();
  Node* ratio();
  Node* clock();
  Node* quantity();
  Node* with_unit(Node* value);
  bool measure(Unit& unit, int sign);
  Node* compound();
  Node* arc_minutes(Node* degrees);
  Node* minutes_or_feet(Node* value);
  Node* base_in_words(Node* value);
  Node* unit_in_brackets(Node* value);
  Node* sum() override;
  Node* signed_term();
  static bool is_whole(const Node& node) { return node.is(NodeKind::number) && is_integer(node.text); }
  static bool is_proper_fraction(const Node& node);
  bool starts_factor() const override;
  bool ends_with_number(const Node& node) const;
  Node* term() override;
  Node* product(Node* left, Node* right) override;
  Node* signed_factor() override;

  bool left_group_ = false;  // the factor before the last one ended with a bracket
};

Node* Parser::run() {
  Node* answer = list();
  if (take_op("over")) answer = make(NodeKind::quotient, "", {answer, list()});
  return failed_ || !at_end() ? nullptr : answer;
}

// The character that stands for a separator in the text of a list: "," "&" (and) "|" (or) ";".
char Parser::separator() const {
  if (at_end() || peek().kind != TokenKind::op) return 0;
  const std::string& t = peek().text;
  if (t == "," || t == ";") return t[0];
  if (t == "and" || t == "land") return '&';
  return t == "or" || t == "lor" ? '|' : '\0';
}

Node* Parser::list() {
  const Budget::Level level(arena_.budget());
  Node* first = relation();
  if (separator() == 0) return first;
  Node* list = make(NodeKind::list, "", {first});
  std::string joints;
  while (separator() != 0) {
    char joint = separator();
    for (; separator() != 0; ++at_)  // ", and"
      if (separator() == '&' || separator() == '|') joint = separator();
    if (at_end() || peek().kind == TokenKind::close || peek().kind == TokenKind::end_env || peek().op("&") ||
        peek().op("\\\\"))
      break;
    joints += joint;
    list->children.push_back(relation());
  }
  return list->children.size() == 1 ? first : joined(list, joints);
}

// A list with its connective: "&" or "|" where all joints are that or commas. Where both stand in it, and
// where "p = 5, q = 2; p = 7, q = 2" has groups, it becomes a list of lists.
Node* Parser::joined(Node* list, const std::string& joints) {
  const bool ands = joints.find('&') != std::string::npos, ors = joints.find('|') != std::string::npos,
             commas = joints.find(',') != std::string::npos,
             semicolons = joints.find(';') != std::string::npos;
  const bool equations = std::all_of(list->children.begin(), list->children.end(), [](const Node* n) {
    return n->is(NodeKind::relation, "=") && n->children[0]->is(NodeKind::variable);
  });
  const bool named =
      equations && list->children[0]->children[0]->text != list->children[1]->children[0]->text;
  const char outer = ors && (ands || (commas && named)) ? '|' : semicolons && commas && named ? ';' : '\0';
  if (outer == '\0') {
    list->text = ors ? "|" : ands ? "&" : "";
    return list;
  }
  Node* groups = make(NodeKind::list, outer == '|' ? "|" : "");
  Node* group = make(NodeKind::list, "");
  for (std::size_t i = 0; i < list->children.size(); ++i) {
    group->children.push_back(list->children[i]);
    if (i < joints.size() && joints[i] == '&') group->text = "&";
    if (i < joints.size() && joints[i] != outer) continue;
    groups->children.push_back(group->children.size() == 1 ? group->children[0] : group);
    group = make(NodeKind::list, "");
  }
  return groups;
}

Node* Parser::relation() {
  take_op("approx");
  Node* first = sets();
  std::string signs;
  Node* chain = nullptr;
  while (!at_end()) {
    const bool label = !chain && peek().op("approx") && is_name(*first) &&
                       !first->is(NodeKind::constant);  // "x ≈ 3.14" says what x is
    if (peek().op("approx") && !label) {                // the exact part counts: "1/3 ≈ 0.33"
      ++at_;
      sets();
      continue;
    }
    const char sign = label ? '=' : relation_sign(peek());
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
  if (value->is(NodeKind::relation) && value->text.find('q') != std::string_view::npos) {
    Node* last = value->children.back();  // "x ≡ 3 \bmod 7"
    if (last->is(NodeKind::function, "mod"))
      return make(NodeKind::modular, "", {last->children[0], last->children[1]});
  }
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

// "3:30", "03:30 p.m.", "8 a.m.": a ratio that may be a time of day, with its text as "3:30pm". Null when it
// is none.
Node* Parser::clock() {
  const auto digits = [&](std::size_t ahead, std::size_t least, int limit) {
    const Token& token = peek(ahead);
    return token.kind == TokenKind::number && is_integer(token.text) && token.text.size() >= least &&
           token.text.size() <= 2 && std::stoi(token.text) < limit;
  };
  const bool minutes = peek(1).op(":") && digits(2, 2, 60) && !peek(1).gap && !peek(2).gap;
  if (!digits(0, 1, 25) || (!minutes && peek(1).op(":"))) return nullptr;
  std::string half;
  std::size_t end = minutes ? 3 : 1;
  for (; peek(end).kind == TokenKind::word || peek(end).kind == TokenKind::name || peek(end).op("."); ++end)
    half += unit_name(peek(end).text);
  if (half == "noon") half = "pm";
  if (half == "midnight") half = "am";
  if (peek(end).op(":") || (half != "am" && half != "pm" && (half != "" || !minutes))) return nullptr;
  const std::string hour = peek().text == "00"
                               ? "0"
                               : peek().text.substr(peek().text.size() == 2 && peek().text[0] == '0' ? 1 : 0);
  const std::string minute = minutes ? peek(2).text : "00";
  Node* time = make(NodeKind::ratio, hour + ":" + minute + half,
                    {make(NodeKind::number, peek().text), make(NodeKind::number, minute)});
  at_ += end;
  return time;
}

// "5 cm", "12 square feet", "15 cm^2", "60 miles per hour", "5 million dollars", "7 stuffed goats". What is
// no unit ("5 or more") is left, and makes the answer words.
Node* Parser::quantity() {
  if (Node* parts = compound()) return parts;
  Node* value = sum();
  if (at_end() || peek().kind != TokenKind::word || value->is(NodeKind::text)) return value;
  return with_unit(value);
}

Node* Parser::with_unit(Node* value) {
  Unit unit;
  const std::size_t start = at_;
  int sign = 1;          // -1 behind "/" and "per"
  bool bracket = false;  // in "/(…)"
  while (!at_end()) {
    const bool word = peek().kind == TokenKind::word;
    const std::string name = word ? unit_name(peek().text) : "";
    if (word && unit.empty() && multiplier(name) != 0) {
      value = make(NodeKind::quantity, name, {value});
      ++at_;
    } else if (word && name == "per" && !unit.empty()) {
      if (bracket) break;
      sign = -1;
      ++at_;
    } else if (word && (is_remark(name) || (name == "time" && at_ + 1 == tokens_.size()))) {
      ++at_;
    } else if (word && name == "of" && !unit.empty() && peek(1).kind == TokenKind::word &&
               !changes_value(peek(1).text)) {  // "cups of flour"
      at_ += 2;
    } else if (word && !measure(unit, sign)) {
      break;
    } else if (!word && (peek().op("/") || peek().op("*")) && peek(1).kind == TokenKind::word) {
      if (bracket && peek().op("/")) break;
      sign = peek().op("/") || bracket ? -1 : 1;
      ++at_;
    } else if (!word && !bracket && !unit.empty() && peek().op("/") && peek(1).is(TokenKind::open, "(") &&
               peek(2).kind == TokenKind::word) {  // "m/(s h)"
      sign = -1;
      bracket = true;
      at_ += 2;
    } else if (!word && bracket && peek().is(TokenKind::close, ")")) {
      sign = 1;
      bracket = false;
      ++at_;
    } else if (!word) {
      break;
    }
  }
  if (bracket) {
    at_ = start;
    return value;
  }
  const std::string text = unit.text();
  return text.empty() ? value : make(NodeKind::quantity, text, {value});
}

// One factor of a unit: "cm^2", "square feet", "cm s^{-1}", "red balls". False when the word is none.
bool Parser::measure(Unit& unit, int sign) {
  const std::string prefix = peek().text;
  int power = prefix == "square" || prefix == "sq" ? 2 : prefix == "cubic" || prefix == "cu" ? 3 : 1;
  if (power > 1 && peek(1).kind == TokenKind::word && is_measure(peek(1).text)) ++at_;
  if (is_measure(peek().text)) {
    const std::string name = unit_name(tokens_[at_++].text);
    if (peek().op("^")) {
      const std::size_t brace = peek(1).is(TokenKind::open, "{") ? 1 : 0,
                        minus = peek(1 + brace).op("-") ? 1 : 0;
      const Token& exponent = peek(1 + brace + minus);
      if (exponent.kind != TokenKind::number || exponent.text.size() != 1) return false;
      power *= (minus == 1 ? -1 : 1) * (exponent.text[0] - '0');
      at_ += 2 + minus + 2 * brace;
    }
    const bool digit =
        peek().kind == TokenKind::number && !peek().gap && (peek().text == "2" || peek().text == "3");
    if (digit) power *= tokens_[at_++].text[0] - '0';  // "cm2"
    unit.times(name, sign * power);
    return true;
  }
  std::vector<std::string_view> words;
  std::size_t end = at_;
  for (; end < tokens_.size() && tokens_[end].kind == TokenKind::word && tokens_[end].text != "per"; ++end)
    words.push_back(tokens_[end].text);
  while (words.size() > 1 && is_remark(words.back())) words.pop_back();
  if (!is_counted(words)) return false;
  std::string things;
  for (const std::string_view word : words) things += unit_name(word);
  at_ += words.size();
  unit.times(things, sign);
  return true;
}

// "2 h 30 min", "2 hours and 30 minutes", "5 ft 6 in": parts in falling units, as a value in the smallest.
// Null for other things.
Node* Parser::compound() {
  const auto unit_at = [&](std::size_t ahead, std::string_view larger) -> std::string {
    const Token& token = peek(ahead);
    if (token.kind == TokenKind::name && (token.text == "h" || token.text == "m" || token.text == "s"))
      return token.text == "m" && larger == "h" ? "min" : token.text;
    return token.kind == TokenKind::word && is_measure(token.text) ? unit_name(token.text) : "";
  };
  if (peek().kind != TokenKind::number) return nullptr;
  std::string unit = unit_at(1, "");
  if (unit.empty()) return nullptr;
  Node* total = make(NodeKind::number, peek().text);
  std::size_t end = 2;
  for (;;) {
    const std::size_t next = peek(end).op("and") ? end + 1 : end;
    if (peek(next).kind != TokenKind::number) break;
    const std::string smaller = unit_at(next + 1, unit);
    const long count = units_in(unit, smaller);
    if (count == 0) break;
    Node* whole = make(NodeKind::product, "", {total, make(NodeKind::number, std::to_string(count))});
    total = make(NodeKind::sum, "", {whole, make(NodeKind::number, peek(next).text)});
    unit = smaller;
    end = next + 2;
  }
  if (end == 2) return nullptr;
  at_ += end;
  return make(NodeKind::quantity, unit, {total});
}

// "1011 base 2", "1011 (in base two)". Null when it says something else.
Node* Parser::base_in_words(Node* value) {
  if (!value->is(NodeKind::number)) return nullptr;
  const std::size_t bracket = peek().is(TokenKind::open, "(") ? 1 : 0;
  const std::size_t word = bracket + (peek(bracket).is(TokenKind::word, "in") ? 1 : 0);
  if (!peek(word).is(TokenKind::word, "base")) return nullptr;
  const Token& base = peek(word + 1);
  const std::string number =
      base.kind == TokenKind::word ? std::string(numeral(base.text).value_or("")) : base.text;
  if (!is_integer(number) || (bracket == 1 && !peek(word + 2).is(TokenKind::close, ")"))) return nullptr;
  at_ += word + 2 + bracket;
  return base_n(value->text, number);
}

// "12 (cm)". Null when the brackets hold something else.
Node* Parser::unit_in_brackets(Node* value) {
  if (!value->is(NodeKind::number) || !peek().is(TokenKind::open, "(") || peek(1).kind != TokenKind::word)
    return nullptr;
  const std::size_t start = at_++;
  Node* measured = with_unit(value);
  if (measured != value && take(TokenKind::close, ")")) return measured;
  at_ = start;
  return nullptr;
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
    if (first->is(NodeKind::text) && (peek().op("+") || peek().op("-"))) return fail();  // "one-to-one"
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
    const Node* part = next->children.empty() ? next : next->children[0];
    if (next->is(NodeKind::text) || part->is(NodeKind::text)) return fail();  // "x-axis"
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
    } else if (!peek().gap && (peek().op("'") || peek().op("\""))) {  // 6', 6"
      if (!left->is(NodeKind::number)) return fail();
      left = minutes_or_feet(left);
    } else if (take_op("mod")) {
      left = make(NodeKind::function, "mod", {left, signed_factor()});
      plain = false;
    } else if (take_op("deg")) {  // "25°", "25 °C", 60°42'
      const std::string scale =
          peek().kind == TokenKind::name || peek().kind == TokenKind::word ? peek().text : "";
      const bool thermometer = scale == "C" || scale == "F";
      if (thermometer) ++at_;
      if (!thermometer && peek().kind == TokenKind::number && (peek(1).op("'") || peek(1).op("\"")))
        left = arc_minutes(left);
      left = make(NodeKind::quantity, thermometer ? "deg" + scale : "deg", {left});
    } else if (peek().op("%") || is_currency(peek())) {
      left = make(NodeKind::quantity, peek().text, {left});
      ++at_;
    } else if (Node* based = base_in_words(left)) {
      left = based;
    } else if (Node* measured = unit_in_brackets(left)) {
      left = measured;
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
      } else if (right->is(NodeKind::text) && !(bracket_next && left->is(NodeKind::variable))) {  // P(red)
        return fail();
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

// "42' 30"" of 60°42'30": with the degrees before it, in degrees.
Node* Parser::arc_minutes(Node* degrees) {
  Node* total = make(NodeKind::sum, "", {degrees});
  while (peek().kind == TokenKind::number && (peek(1).op("'") || peek(1).op("\""))) {
    const bool seconds = peek(1).op("\"") || peek(2).op("'");
    Node* value = make(NodeKind::number, peek().text);
    total->children.push_back(
        make(NodeKind::quotient, "", {value, make(NodeKind::number, seconds ? "3600" : "60")}));
    at_ += seconds && peek(1).op("'") ? 3 : 2;
  }
  return total;
}

// 6' and 6", 6'2": feet and inches, or minutes and seconds: the sign is the unit.
Node* Parser::minutes_or_feet(Node* value) {
  const bool twice = peek().op("'") && peek(1).op("'");
  const bool small = peek().op("\"") || twice;
  at_ += twice ? 2 : 1;
  if (small || peek().kind != TokenKind::number) return make(NodeKind::quantity, small ? "\"" : "'", {value});
  if (!peek(1).op("\"") && !(peek(1).op("'") && peek(2).op("'"))) return fail();
  Node* rest = make(NodeKind::quantity, "\"", {make(NodeKind::number, peek().text)});
  at_ += peek(1).op("'") ? 3 : 2;
  return make(NodeKind::tuple, "'\"", {value, rest});
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
