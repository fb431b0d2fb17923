// Where random points could miss that two expressions differ: |x|, max, ⌊x⌋ and √(x²) follow another formula
// on the other side of a place, which may be far away. And expressions of whole numbers, which random points
// do not reach at all.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "verify/evaluate.h"

namespace pope {

using Assignment = std::vector<std::pair<std::string_view, Value>>;

// |·|, max, min, ⌊·⌋, ⌈·⌉, mod of something that varies; roots of what holds an even power.
bool has_kinks(const Node& node);
// What is compared: two expressions, or the four sides of two relations.
using Compared = std::vector<const Node*>;
// Points on both sides of every constant in them, of every place where the argument of a kink is found to be
// zero, and of several magnitudes. For names that mean whole numbers (i, j, k, l, m, n, N): whole ones.
std::vector<Assignment> kink_points(const Compared& compared, Budget& budget);
// Points very far away and very near 0, for kinks such as |ln x - 50| and |1/x - 10^9|.
std::vector<Assignment> extreme_points(const Compared& compared, Budget& budget);

// Whether all that varies in the pair is whole numbers by name, and ⌊·⌋, ⌈·⌉ or mod makes that matter.
bool is_of_whole_numbers(const Node& a, const Node& b);
// Points with whole numbers: small ones in a row, and large ones.
std::vector<Assignment> whole_points(const Node& a, const Node& b);

}  // namespace pope
