// The tree of a template: statements, and the expressions in them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace pope::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Argument {
  std::string name;  // "": by position; "*", "**": all items of a list or dict
  ExpressionPtr value;
};

struct Expression {
  enum class Kind {
    kConstant,     // value
    kName,         // name
    kTuple,        // parts
    kList,         // parts
    kDict,         // parts: key, value, key, value …
    kAttribute,    // parts[0].name
    kItem,         // parts[0][parts[1]]
    kSlice,        // parts[0][parts[1]:parts[2]:parts[3]], where null is left out
    kCall,         // parts[0](arguments)
    kFilter,       // parts[0] | name(arguments); null: what a block holds
    kTest,         // parts[0] is name(arguments)
    kNot,          // not parts[0]
    kNegative,     // -parts[0]
    kPositive,     // +parts[0]
    kArithmetic,   // parts[0] name parts[1]
    kConcatenate,  // parts[0] ~ parts[1] ~ …
    kCompare,      // parts[0] operators[0] parts[1] operators[1] parts[2] …
    kAnd,          // parts[0] and parts[1]
    kOr,           // parts[0] or parts[1]
    kConditional,  // parts[1] if parts[0] else parts[2], which may be null
    kTarget,       // of a set: namespace parts[0] (a name), attribute name
  };
  Kind kind;
  int line;
  std::string name = {};
  Value value = {};
  std::vector<ExpressionPtr> parts = {};
  std::vector<std::string> operators = {};
  std::vector<Argument> arguments = {};
  int depth = 1;  // of the tree below
};

struct Statement;
using Body = std::vector<Statement>;

struct Branch {
  ExpressionPtr condition;  // null: else
  Body body;
};

struct Parameter {
  std::string name;
  ExpressionPtr standard;  // the value where none is given; null: undefined
};

struct Statement {
  enum class Kind {
    kText,        // text
    kOutput,      // {{ value }}
    kIf,          // branches
    kFor,         // for target in value if condition: body, else otherwise
    kSet,         // set target = value
    kSetBlock,    // set target: body, through the filters of value (null: none)
    kMacro,       // macro name(parameters): body
    kCall,        // call(parameters) value: body
    kFilter,      // filter value: body
    kWith,        // with names = values: body; targets and values are the assignments
    kGeneration,  // body, with a scope of its own
    kBreak,
    kContinue,
  };
  Kind kind;
  int line;
  Text text = {};
  std::string name = {};
  ExpressionPtr target = {}, value = {}, condition = {};
  std::vector<Branch> branches = {};
  std::vector<Parameter> parameters = {};
  bool has_caller = false;  // of a macro: it reads `caller`
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> assignments = {};
  Body body = {}, otherwise = {};
};

}  // namespace pope::jinja
