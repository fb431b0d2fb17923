// Statements first, then expressions.
#include "jinja/parser.h"

#include <algorithm>

#include "jinja/walk.h"

namespace pope::jinja {

namespace {

// The parser, the interpreter and destructors recurse over a template's tree.
constexpr int kMaxTreeDepth = 200;

}  // namespace

class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxTreeDepth) parser_.fail("the template is nested too deep");
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

Body Parser::parse() { return body_until({}, ""); }

// Up to a statement of `ends`, whose name is the current token then; {}: up to the end of the template.
Body Parser::body_until(const std::vector<std::string>& ends, const std::string& of) {
  const Nesting nesting(*this);
  Body body;
  while (true) {
    switch (current().kind) {
      case TokenKind::kData:
        body.push_back({Statement::Kind::kText, current().line});
        body.back().text = *take().value.text();
        break;
      case TokenKind::kOutputBegin: {
        const int line = take().line;
        Statement output{Statement::Kind::kOutput, line};
        output.value = tuple(true);
        expect(TokenKind::kOutputEnd, "}}");
        body.push_back(std::move(output));
        break;
      }
      case TokenKind::kStatementBegin: {
        take();
        if (std::any_of(ends.begin(), ends.end(), [&](const std::string& end) { return is_name(end); }))
          return body;
        body.push_back(statement());
        expect(TokenKind::kStatementEnd, "%}");
        break;
      }
      default:
        if (!ends.empty()) fail("expected {% " + ends.back() + " %} for the statement " + of + ", got none");
        return body;
    }
  }
}

Body Parser::end_of_statement_then(const std::vector<std::string>& ends, const std::string& of) {
  skip_operator(":");
  expect(TokenKind::kStatementEnd, "%}");
  return body_until(ends, of);
}

Statement Parser::statement() {
  const Nesting nesting(*this);
  const int line = current().line;
  if (current().kind != TokenKind::kName)
    fail("expected the name of a statement, got " + described(current()));
  const std::string name = take().name;
  if (name == "if") return if_statement(line);
  if (name == "for") return for_statement(line);
  if (name == "set") return set_statement(line);
  if (name == "macro") return macro_statement(line);
  if (name == "call") return call_statement(line);
  if (name == "with") return with_statement(line);
  if (name == "generation") return block_statement(Statement::Kind::kGeneration, line, "endgeneration");
  if (name == "filter") {
    ExpressionPtr value = filters(nullptr, true);
    Statement result = block_statement(Statement::Kind::kFilter, line, "endfilter");
    result.value = std::move(value);
    return result;
  }
  if (name == "break" || name == "continue") {
    if (loops_ == 0) fail("expected '" + name + "' in a loop, got it outside");
    return {name == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue, line};
  }
  fail("the statement '" + name + "' is not supported");
}

Statement Parser::block_statement(Statement::Kind kind, int line, const std::string& end) {
  Statement result{kind, line};
  const int loops = std::exchange(loops_, 0);
  result.body = end_of_statement_then({end}, end.substr(3));
  loops_ = loops;
  take();
  return result;
}

Statement Parser::if_statement(int line) {
  Statement result{Statement::Kind::kIf, line};
  while (true) {
    ExpressionPtr condition = tuple(false);
    Body body = end_of_statement_then({"elif", "else", "endif"}, "if");
    result.branches.push_back({std::move(condition), std::move(body)});
    const std::string next = take().name;
    if (next == "elif") continue;
    if (next == "else") {
      result.branches.push_back({nullptr, end_of_statement_then({"endif"}, "if")});
      take();
    }
    return result;
  }
}

Statement Parser::for_statement(int line) {
  Statement result{Statement::Kind::kFor, line};
  result.target = target(false, "in");
  expect_name("in");
  result.value = tuple(false, "recursive");
  if (skip_name("if")) result.condition = expression();
  if (is_name("recursive")) fail("recursive loops are not supported");
  ++loops_;
  result.body = end_of_statement_then({"else", "endfor"}, "for");
  --loops_;
  if (take().name == "else") {
    result.otherwise = end_of_statement_then({"endfor"}, "for");
    take();
  }
  return result;
}

Statement Parser::set_statement(int line) {
  ExpressionPtr to = target(true);
  if (skip_operator("=")) {
    Statement result{Statement::Kind::kSet, line};
    result.target = std::move(to);
    result.value = tuple(true);
    return result;
  }
  ExpressionPtr through = filters(nullptr, false);
  Statement result = block_statement(Statement::Kind::kSetBlock, line, "endset");
  result.target = std::move(to);
  result.value = std::move(through);
  return result;
}

std::vector<Parameter> Parser::parameters() {
  std::vector<Parameter> result;
  expect_operator("(");
  while (!is_operator(")")) {
    if (!result.empty()) expect_operator(",");
    Parameter one{identifier(), nullptr};
    if (skip_operator("=")) {
      one.standard = expression();
    } else if (!result.empty() && result.back().standard != nullptr) {
      fail("expected a default value for each parameter behind one that has it");
    }
    result.push_back(std::move(one));
  }
  take();
  return result;
}

Statement Parser::macro_statement(int line) {
  std::string name = identifier();
  std::vector<Parameter> signature = parameters();
  Statement result = block_statement(Statement::Kind::kMacro, line, "endmacro");
  for (const char* special : {"varargs", "kwargs"}) {
    if (mentions(result.body, special)) fail("'" + std::string(special) + "' of macros is not supported");
  }
  result.has_caller = mentions(result.body, "caller");
  result.name = std::move(name);
  result.parameters = std::move(signature);
  return result;
}

Statement Parser::call_statement(int line) {
  std::vector<Parameter> signature;
  if (is_operator("(")) signature = parameters();
  ExpressionPtr value = expression();
  if (value->kind != Expression::Kind::kCall) fail("expected a call in the statement call");
  Statement result = block_statement(Statement::Kind::kCall, line, "endcall");
  result.parameters = std::move(signature);
  result.value = std::move(value);
  return result;
}

Statement Parser::with_statement(int line) {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> assignments;
  while (current().kind != TokenKind::kStatementEnd) {
    if (!assignments.empty()) expect_operator(",");
    ExpressionPtr to = target(false);
    expect_operator("=");
    ExpressionPtr value = expression();
    assignments.emplace_back(std::move(to), std::move(value));
  }
  Statement result{Statement::Kind::kWith, line};
  result.assignments = std::move(assignments);
  result.body = end_of_statement_then({"endwith"}, "with");
  take();
  return result;
}

bool Parser::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  take();
  return true;
}

bool Parser::skip_operator(std::string_view op) {
  if (!is_operator(op)) return false;
  take();
  return true;
}

void Parser::expect(TokenKind kind, const std::string& what) {
  if (current().kind != kind) fail("expected " + what + ", got " + described(current()));
  take();
}

void Parser::expect_operator(std::string_view op) {
  if (!skip_operator(op)) fail("expected '" + std::string(op) + "', got " + described(current()));
}

void Parser::expect_name(std::string_view name) {
  if (!skip_name(name)) fail("expected '" + std::string(name) + "', got " + described(current()));
}

std::string Parser::identifier() {
  if (current().kind != TokenKind::kName) fail("expected a name, got " + described(current()));
  return take().name;
}

const Token& Parser::take() {
  const Token& token = tokens_[at_];
  if (token.kind != TokenKind::kEnd) ++at_;
  return token;
}

std::string Parser::described(const Token& token) const {
  switch (token.kind) {
    case TokenKind::kName:
    case TokenKind::kOperator:
      return "'" + token.name + "'";
    case TokenKind::kStatementEnd:
      return "'%}'";
    case TokenKind::kOutputEnd:
      return "'}}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kNumber:
      return "a number";
    default:
      return "the end of the template";
  }
}

void Parser::fail(const std::string& message, const std::string& hint) const {
  throw SyntaxFault{current().line, {message, hint}};
}

// Expressions, loosest binding first.

using Kind = Expression::Kind;

ExpressionPtr Parser::make(Kind kind, int line, std::vector<ExpressionPtr> parts, std::string name) const {
  auto result = std::make_unique<Expression>(Expression{kind, line, std::move(name)});
  result->parts = std::move(parts);
  for (const ExpressionPtr& part : result->parts) {
    if (part != nullptr) result->depth = std::max(result->depth, part->depth + 1);
  }
  if (result->depth > kMaxTreeDepth) fail("an expression is nested too deep");
  return result;
}

namespace {

template <class... Parts>
std::vector<ExpressionPtr> parts_of(Parts... parts) {
  std::vector<ExpressionPtr> result;
  (result.push_back(std::move(parts)), ...);
  return result;
}

}  // namespace

ExpressionPtr Parser::expression() {
  const Nesting nesting(*this);
  ExpressionPtr result = or_expression();
  while (is_name("if")) {
    const int line = take().line;
    ExpressionPtr condition = or_expression(), otherwise;
    if (skip_name("else")) otherwise = expression();
    result = make(Kind::kConditional, line,
                  parts_of(std::move(condition), std::move(result), std::move(otherwise)));
  }
  return result;
}

ExpressionPtr Parser::or_expression() {
  ExpressionPtr left = and_expression();
  while (is_name("or")) {
    const int line = take().line;
    left = make(Kind::kOr, line, parts_of(std::move(left), and_expression()));
  }
  return left;
}

ExpressionPtr Parser::and_expression() {
  ExpressionPtr left = not_expression();
  while (is_name("and")) {
    const int line = take().line;
    left = make(Kind::kAnd, line, parts_of(std::move(left), not_expression()));
  }
  return left;
}

ExpressionPtr Parser::not_expression() {
  const Nesting nesting(*this);
  if (!is_name("not")) return comparison();
  const int line = take().line;
  return make(Kind::kNot, line, parts_of(not_expression()));
}

ExpressionPtr Parser::comparison() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts = parts_of(binary(0));
  std::vector<std::string> operators;
  constexpr std::string_view known[] = {"==", "!=", "<", "<=", ">", ">="};
  while (true) {
    const bool compares = current().kind == TokenKind::kOperator &&
                          std::find(std::begin(known), std::end(known), current().name) != std::end(known);
    if (compares) {
      operators.push_back(take().name);
    } else if (skip_name("in")) {
      operators.emplace_back("in");
    } else if (is_name("not") && following().kind == TokenKind::kName && following().name == "in") {
      take();
      take();
      operators.emplace_back("notin");
    } else {
      break;
    }
    parts.push_back(binary(0));
  }
  if (operators.empty()) return std::move(parts[0]);
  ExpressionPtr result = make(Kind::kCompare, line, std::move(parts));
  result->operators = std::move(operators);
  return result;
}

// Level 0: + and -, whose operands are concatenations; 1: * / // %; 2: **.
ExpressionPtr Parser::binary(int level) {
  const auto operand = [&] { return level == 0 ? concatenation() : level == 1 ? binary(2) : unary(true); };
  constexpr std::string_view operators[3][4] = {{"+", "-"}, {"*", "/", "//", "%"}, {"**"}};
  ExpressionPtr left = operand();
  while (current().kind == TokenKind::kOperator &&
         std::find(std::begin(operators[level]), std::end(operators[level]), current().name) !=
             std::end(operators[level])) {
    const Token& op = take();
    ExpressionPtr right = operand();
    left = make(Kind::kArithmetic, op.line, parts_of(std::move(left), std::move(right)), op.name);
  }
  return left;
}

ExpressionPtr Parser::concatenation() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts = parts_of(binary(1));
  while (skip_operator("~")) parts.push_back(binary(1));
  return parts.size() == 1 ? std::move(parts[0]) : make(Kind::kConcatenate, line, std::move(parts));
}

ExpressionPtr Parser::unary(bool with_filters) {
  const Nesting nesting(*this);
  const int line = current().line;
  ExpressionPtr result;
  if (skip_operator("-")) {
    result = make(Kind::kNegative, line, parts_of(unary(false)));
  } else if (skip_operator("+")) {
    result = make(Kind::kPositive, line, parts_of(unary(false)));
  } else {
    result = primary();
  }
  result = postfix(std::move(result));
  while (with_filters) {
    if (is_operator("|")) {
      result = filters(std::move(result), false);
    } else if (is_name("is")) {
      result = test(std::move(result));
    } else if (is_operator("(")) {
      result = call(std::move(result));
    } else {
      break;
    }
  }
  return result;
}

ExpressionPtr Parser::primary() {
  const int line = current().line;
  if (current().kind == TokenKind::kName) {
    const std::string name = take().name;
    ExpressionPtr result = make(Kind::kConstant, line, {});
    if (name == "true" || name == "True") {
      result->value = true;
    } else if (name == "false" || name == "False") {
      result->value = false;
    } else if (name == "none" || name == "None") {
      result->value = None{};
    } else {
      result->kind = Kind::kName;
      result->name = name;
    }
    return result;
  }
  if (current().kind == TokenKind::kString) {
    Text text;
    while (current().kind == TokenKind::kString) text += *take().value.text();
    ExpressionPtr result = make(Kind::kConstant, line, {});
    result->value = std::move(text);
    return result;
  }
  if (current().kind == TokenKind::kNumber) {
    ExpressionPtr result = make(Kind::kConstant, line, {});
    result->value = take().value;
    return result;
  }
  if (is_operator("(")) return parenthesised();
  if (is_operator("[")) return list();
  if (is_operator("{")) return dict();
  fail("expected an expression, got " + described(current()));
}

ExpressionPtr Parser::parenthesised() {
  const int line = take().line;
  if (skip_operator(")")) return make(Kind::kTuple, line, {});
  ExpressionPtr result = tuple(true);
  expect_operator(")");
  return result;
}

bool Parser::at_tuple_end(const std::string& end) const {
  return current().kind == TokenKind::kOutputEnd || current().kind == TokenKind::kStatementEnd ||
         is_operator(")") || (!end.empty() && is_name(end));
}

// One expression, or several with commas: a tuple. `end`: a name that ends it.
ExpressionPtr Parser::tuple(bool inline_if, const std::string& end) {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  bool commas = false;
  do {
    if (at_tuple_end(end)) break;
    parts.push_back(inline_if ? expression() : or_expression());
    if (is_operator(",")) commas = true;
  } while (skip_operator(","));
  if (parts.empty()) fail("expected an expression, got " + described(current()));
  return commas ? make(Kind::kTuple, line, std::move(parts)) : std::move(parts[0]);
}

// What can be assigned to: a name, an attribute of a namespace, a tuple of targets.
ExpressionPtr Parser::target(bool with_namespace, const std::string& end) {
  const Nesting nesting(*this);
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  bool commas = false;
  do {
    if (at_tuple_end(end) || is_operator("=")) break;
    if (skip_operator("(")) {
      parts.push_back(target(with_namespace));
      expect_operator(")");
    } else {
      const std::string name = identifier();
      if (name == "true" || name == "false" || name == "none" || name == "True" || name == "False" ||
          name == "None") {
        fail("expected a name to assign to, got '" + name + "'");
      }
      parts.push_back(make(Kind::kName, line, {}, name));
      if (with_namespace && skip_operator(".")) {
        ExpressionPtr space = std::move(parts.back());
        parts.back() = make(Kind::kTarget, line, parts_of(std::move(space)), identifier());
      }
    }
    if (is_operator(",")) commas = true;
  } while (skip_operator(","));
  if (parts.empty()) fail("expected a name to assign to, got " + described(current()));
  return commas ? make(Kind::kTuple, line, std::move(parts)) : std::move(parts[0]);
}

ExpressionPtr Parser::list() {
  const int line = take().line;
  std::vector<ExpressionPtr> parts;
  while (!is_operator("]")) {
    if (!parts.empty()) expect_operator(",");
    if (is_operator("]")) break;
    parts.push_back(expression());
  }
  take();
  return make(Kind::kList, line, std::move(parts));
}

ExpressionPtr Parser::dict() {
  const int line = take().line;
  std::vector<ExpressionPtr> parts;
  while (!is_operator("}")) {
    if (!parts.empty()) expect_operator(",");
    if (is_operator("}")) break;
    parts.push_back(expression());
    expect_operator(":");
    parts.push_back(expression());
  }
  take();
  return make(Kind::kDict, line, std::move(parts));
}

ExpressionPtr Parser::postfix(ExpressionPtr of) {
  while (true) {
    if (is_operator(".") || is_operator("[")) {
      of = subscript(std::move(of));
    } else if (is_operator("(")) {
      of = call(std::move(of));
    } else {
      return of;
    }
  }
}

ExpressionPtr Parser::subscript(ExpressionPtr of) {
  const Token& opening = take();
  if (opening.name == ".") {
    if (current().kind == TokenKind::kNumber) {
      ExpressionPtr index = make(Kind::kConstant, opening.line, {});
      index->value = take().value;
      return make(Kind::kItem, opening.line, parts_of(std::move(of), std::move(index)));
    }
    return make(Kind::kAttribute, opening.line, parts_of(std::move(of)), identifier());
  }
  std::vector<ExpressionPtr> parts = parts_of(std::move(of));
  bool slice = false;
  for (int place = 0; place < 3; ++place) {
    parts.push_back(is_operator(":") || is_operator("]") ? nullptr : expression());
    if (!is_operator(":")) break;
    take();
    slice = true;
    if (place == 2) fail("expected ']' behind the step of a slice, got ':'");
  }
  if (is_operator(",")) fail("several items in one subscript are not supported");
  expect_operator("]");
  if (!slice && parts[1] == nullptr) fail("expected an item in '[]', got none");
  if (slice) parts.resize(4);
  return make(slice ? Kind::kSlice : Kind::kItem, opening.line, std::move(parts));
}

std::vector<Argument> Parser::arguments() {
  std::vector<Argument> result;
  expect_operator("(");
  while (!is_operator(")")) {
    if (!result.empty()) expect_operator(",");
    if (is_operator(")")) break;
    const Token& next = following();
    Argument one;
    if (is_operator("*") || is_operator("**")) {
      one.name = take().name;
    } else if (current().kind == TokenKind::kName && next.kind == TokenKind::kOperator && next.name == "=") {
      one.name = take().name;
      take();
    } else if (!result.empty() && !result.back().name.empty()) {
      fail("expected no argument without a name behind one with a name");
    }
    one.value = expression();
    result.push_back(std::move(one));
  }
  take();
  return result;
}

namespace {

void add_arguments(Expression& to, std::vector<Argument> arguments) {
  for (const Argument& one : arguments) to.depth = std::max(to.depth, one.value->depth + 1);
  to.arguments = std::move(arguments);
}

}  // namespace

ExpressionPtr Parser::call(ExpressionPtr of) {
  ExpressionPtr result = make(Kind::kCall, current().line, parts_of(std::move(of)));
  add_arguments(*result, arguments());
  return result;
}

// | name(arguments) | …; `begins`: the first "|" is left out.
ExpressionPtr Parser::filters(ExpressionPtr of, bool begins) {
  while (begins || skip_operator("|")) {
    begins = false;
    const int line = current().line;
    const std::string name = identifier();
    of = make(Kind::kFilter, line, parts_of(std::move(of)), name);
    if (is_operator("(")) add_arguments(*of, arguments());
  }
  return of;
}

ExpressionPtr Parser::test(ExpressionPtr of) {
  const int line = take().line;
  const bool negated = skip_name("not");
  ExpressionPtr result = make(Kind::kTest, line, parts_of(std::move(of)), identifier());
  const TokenKind kind = current().kind;
  if (is_operator("(")) {
    add_arguments(*result, arguments());
  } else if (kind == TokenKind::kString || kind == TokenKind::kNumber || is_operator("[") ||
             is_operator("{") ||
             (kind == TokenKind::kName && !is_name("else") && !is_name("or") && !is_name("and"))) {
    if (is_name("is")) fail("expected one test, got a chain of them");
    std::vector<Argument> one(1);
    one[0].value = postfix(primary());
    add_arguments(*result, std::move(one));
  }
  return negated ? make(Kind::kNot, line, parts_of(std::move(result))) : std::move(result);
}

}  // namespace pope::jinja
