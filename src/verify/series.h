// Sums and products with whole bounds have the value of their terms. Integrals, limits and infinite sums have
// none: two of them can be found equal, never unequal.
#pragma once

#include "verify/evaluate.h"

namespace pope {

// An integral, a limit, a sum or product with an infinite bound or with a term that hides its variable
// ("a_k").
bool is_valueless(const Node& node);
// Whether something without a value is in the tree, also an operator that is read as a name (\oint).
bool holds_valueless(const Node& node);
// How many of them.
int count_valueless(const Node& node);

// At points where a bound is no whole number there is no value. Under Evaluation::opaque something without
// value is a factor that its bounds name, times its term at a random place (linear, as sums and integrals
// are); or, where `at.linear` is not set, a variable named by its text.
Value evaluate_series(const Node& node, Evaluation& at);

}  // namespace pope
