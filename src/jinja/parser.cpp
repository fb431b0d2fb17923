// See parser.h: statements.
#include "jinja/parser.h"

#include <algorithm>

#include "jinja/parser_nesting.h"
#include "jinja/walk.h"

namespace pope::jinja {

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

}  // namespace pope::jinja
