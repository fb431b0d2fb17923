// Answers in one variable as sets of real numbers, whatever the notation: "x < 1 or x > 3", "(-∞, 1) ∪ (3,
// ∞)",
// "|x - 2| > 1", "ℝ \ [1, 3]". Their bounds are constants.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/ast.h"
#include "verify/compare.h"

namespace pope {

// Whether the answer speaks of a range: an inequality, ≠, ∈ or a union is in it.
bool is_region(const Node& node);

// The line is cut at the bounds of both answers; a set is the cells that it holds.
class RealSets {
 public:
  explicit RealSets(Arena& arena) : arena_(arena) {}

  // Nothing where one of them is no such set, or a bound cannot be told from another.
  std::optional<bool> equal(const Node& a, const Node& b);
  // The weakest ground on which two bounds counted as one.
  Ground ground() const { return ground_; }

 private:
  enum class Kind { interval, all, unite, intersect, subtract, comma };
  struct Set {
    Kind kind = Kind::unite;
    Node *low = nullptr, *high = nullptr;  // of an interval; null: infinite
    bool low_open = true, high_open = true;
    std::vector<Set> parts;
  };
  using Cells = std::vector<bool>;  // below the first bound, the first bound, between it and the second, …
  struct Root {
    Node* value;
    bool rising;
  };

  std::optional<Set> read(const Node& node);
  std::optional<Set> interval(const Node& node);
  std::optional<Set> list(const Node& node);
  std::optional<Set> operation(const Node& node);
  std::optional<Set> relation(const Node& node);
  std::optional<Set> condition(const Node& left, char sign, const Node& right);
  std::optional<Set> against(const Node& left, char sign, const Node& right);
  std::optional<Root> root(const Node& left, const Node& right);
  std::optional<Set> point(const Node& value);
  bool takes_name(const std::string& name);

  bool add_bounds(const Set& set);
  bool add_bound(Node* bound);
  std::optional<int> order(const Node& a, const Node& b);
  std::size_t place(const Node* bound) const;
  Cells cells(const Set& set);

  Node* with_value(const Node& node, std::string_view name, std::string_view value);
  Node* make(NodeKind kind, std::string_view text, std::initializer_list<Node*> children = {}) {
    return arena_.make(kind, text, children);
  }
  Node* difference(Node* a, Node* b) { return make(NodeKind::sum, "", {a, make(NodeKind::negate, "", {b})}); }

  Arena& arena_;
  std::string name_;  // of the variable; "" until one is named
  struct Bound {
    Node* value;
    std::vector<const Node*> same;  // other spellings of it
  };
  std::vector<Bound> bounds_;  // rising
  bool ambiguous_ = false;
  Ground ground_ = Ground::exact;
};

}  // namespace pope
