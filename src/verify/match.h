// Equality of parsed answers: what is ordered, what is not, and which names and units may be missing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify/answers.h"
#include "verify/ast.h"
#include "verify/compare.h"

namespace pope {

class Matcher {
 public:
  Matcher(Arena& arena, const AnswerRules& rules) : arena_(arena), rules_(rules) {}

  Truth equal(Node* a, Node* b);

  // What decided the last comparison: the weakest ground of equality, or what differs ("" when just the
  // values).
  Ground ground() const { return ground_; }
  const std::string& difference() const { return difference_; }

 private:
  struct Measured {
    Node* value;
    std::string unit;
  };

  Truth differ(const std::string& what);
  Truth expressions(Node* a, Node* b);
  Truth texts(const Node& a, const Node& b);
  std::vector<Node*> values_of(Node* node);
  void drop_repeated(std::vector<Node*>& values);
  Truth collections(const std::vector<Node*>& a, const std::vector<Node*>& b);
  std::vector<Node*> without_same(const std::vector<Node*>& a, const std::vector<Node*>& b,
                                  std::vector<bool>& used);
  Truth one_by_one(const Node& a, const Node& b);
  Truth tuples(const Node& a, const Node& b);
  Truth set_operations(Node* a, Node* b);
  Truth quantities(Node* a, Node* b);
  Truth modular(Node* a, Node* b);
  Truth ratios(const Node& a, const Node& b);
  Truth matrices(Node* a, Node* b);
  Measured measured(Node* node);
  Node* matrix_value(Node* node);
  Node* rows_of(Node* node);
  Node* without_label(Node* node, const Node& other);
  Node* combined(Node* a, Node* b, bool product);
  Node* make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children) {
    return arena_.make(kind, text, children);
  }
  Truth relations(Node* a, Node* b);
  Truth equations(Node* a, Node* b);
  Truth inequalities(Node* a, Node* b);
  Truth relation_against(Node* relation, Node* other);

  Arena& arena_;
  AnswerRules rules_;
  Ground ground_ = Ground::text;
  std::string difference_;
};

// Copies with ± and ∓ replaced by plus and minus, or by minus and plus.
Node* with_sign(const Node& node, bool plus, Arena& arena);
bool has_plus_minus(const Node& node);
// A copy with one variable under another name.
Node* renamed(const Node& node, std::string_view from, std::string_view to, Arena& arena);

}  // namespace pope
