// Tokens → the tree of a template. The grammar is that of jinja2's parser with the extensions that
// transformers turns on: loop controls and {% generation %}.
#pragma once

#include <algorithm>

#include "jinja/lexer.h"
#include "jinja/syntax.h"

namespace pope::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  // SyntaxFault: no template, or a statement that is not supported.
  Body parse();

 private:
  // Statements.
  Body body_until(const std::vector<std::string>& ends, const std::string& of);
  Body end_of_statement_then(const std::vector<std::string>& ends, const std::string& of);
  Statement statement();
  Statement if_statement(int line);
  Statement for_statement(int line);
  Statement set_statement(int line);
  Statement macro_statement(int line);
  Statement call_statement(int line);
  Statement with_statement(int line);
  Statement block_statement(Statement::Kind kind, int line, const std::string& end);
  std::vector<Parameter> parameters();

  // Expressions.
  ExpressionPtr expression();  // with inline if
  ExpressionPtr tuple(bool inline_if, const std::string& end = "");
  ExpressionPtr target(bool with_namespace, const std::string& end = "");
  ExpressionPtr filters(ExpressionPtr of, bool begins);
  ExpressionPtr or_expression();
  ExpressionPtr and_expression();
  ExpressionPtr not_expression();
  ExpressionPtr comparison();
  ExpressionPtr binary(int level);
  ExpressionPtr concatenation();
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr parenthesised();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr of);
  ExpressionPtr subscript(ExpressionPtr of);
  ExpressionPtr call(ExpressionPtr of);
  ExpressionPtr test(ExpressionPtr of);
  std::vector<Argument> arguments();
  bool at_tuple_end(const std::string& end) const;
  ExpressionPtr make(Expression::Kind kind, int line, std::vector<ExpressionPtr> parts,
                     std::string name = "") const;

  // tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& following() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is_name(std::string_view name) const {
    return current().kind == TokenKind::kName && current().name == name;
  }
  bool is_operator(std::string_view op) const {
    return current().kind == TokenKind::kOperator && current().name == op;
  }
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view op);
  void expect(TokenKind kind, const std::string& what);
  void expect_operator(std::string_view op);
  void expect_name(std::string_view name);
  std::string identifier();
  const Token& take();
  std::string described(const Token& token) const;
  [[noreturn]] void fail(const std::string& message, const std::string& hint = "") const;

  // Bounds the recursion of the parser.
  class Nesting;

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;  // that are open here
};

}  // namespace pope::jinja
