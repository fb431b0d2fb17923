// What relations say, as trees: which sides are names, which range a variable has, what bounds what.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "verify/ast.h"

namespace pope {

bool is_inequality(const Node& node);
bool is_equation(const Node& node);
// Whether a side of a relation can have one value.
bool has_value(const Node& node);

// Whether the node only names something: "x", "f(x)", "AB", "S:T", "(p, q)".
bool is_name(const Node& node);
// A name that is no function of another one: what an inequality may bound.
bool is_bounded_name(const Node& node);
// "a+b+c", "f(1)+f(2)", "AB+BC": a sum that an answer gives the value of. Of coordinates it would be a line.
bool is_sum_of_names(const Node& node);
// "f(x)" → "x": the variable of a definition, when it is one letter.
std::string_view defined_variable(const Node& node);
// What a chain bounds, "x" of 1 < x < 2 and of |x| < 3. "" when nothing can be told.
std::string bounded_name(const Node& relation);

// "x = 1, y = 2" beside "(1, 2)" or "(x, y) = (1, 2)": its values in their order, or null. The names count
// where the other answer gives them too.
Node* named_point(const Node& list, const Node& other, Arena& arena);
// The range of the one variable that a chain bounds by constants; a union for |x| > 3. Null otherwise.
Node* interval_of(const Node& relation, Arena& arena);
// "x < a or x > b" as a union. Null otherwise.
Node* interval_union(const Node& node, Arena& arena);

struct Bound {  // left < right, or left <= right
  Node *left, *right;
  bool strict;
};
// Of a chain of inequalities, one for each sign.
std::vector<Bound> bounds_of(const Node& relation);

}  // namespace pope
