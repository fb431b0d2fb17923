// How near to zero an algebraic number can be without being zero. Makes numerical comparison of algebraic
// numbers exact.
#pragma once

#include <optional>

#include "verify/ast.h"

namespace pope {

// b such that a - b is zero or of absolute value at least 2^-b. Nothing when one side is not made of
// rationals, arithmetic, roots and trigonometric values at rational multiples of π, or when b would be beyond
// `most`.
//
// The bound of Burnikel, Funke, Mehlhorn, Schirra and Schmitt (Algorithmica 55, 2009): an expression is U/L
// for algebraic integers U and L in a field of degree at most D, the product of the indices of all its roots;
// u and l bound all conjugates of U and L. The norm of U is an integer, so U ≠ 0 gives |U| u^(D-1) ≥ 1, and
// |U/L| ≥ 1 / (u^(D-1) l).
std::optional<long> separation_bits(const Node& a, const Node& b, long most, Budget& budget);

}  // namespace pope
