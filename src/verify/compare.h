// Whether two expressions, equations or inequalities say the same.
#pragma once

#include "verify/ast.h"

namespace pope {

enum class Truth { no, yes, unknown };

// How an answer "equal" came about, from strong to weak; see docs/verifier.md.
enum class Ground { text, exact, algebraic, points };

struct Comparison {
  Truth equal = Truth::unknown;
  Ground ground = Ground::exact;
};

// Expressions. Unequal is always proved, by disjoint enclosures or exact values. Equal is exact for rationals
// and algebraic constants; else both sides agree at every point where both are defined (two at least), to
// 2^-256 or more, with exact arithmetic where the values are rational. Unknown where none of this can be
// done.
Comparison expressions_equal(const Node& a, const Node& b, Budget& budget);

// Whether left_a - right_a is a constant multiple (not zero; positive if `positive`) of left_b - right_b: the
// same equation or inequality.
Comparison relations_equal(const Node& left_a, const Node& right_a, const Node& left_b, const Node& right_b,
                           bool positive, Budget& budget);

}  // namespace pope
