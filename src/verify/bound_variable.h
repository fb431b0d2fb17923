// The variable that a sum, a product, an integral or a limit binds, as it stands in the term.
#pragma once

#include <string>
#include <string_view>

#include "verify/ast.h"

namespace pope {

// What a bound variable is called in a tree, whatever the answer calls it.
inline constexpr std::string_view kIndex = "\\index";

// The variable behind the "d" of "… dx", searched from the right; null when there is none.
const Node* differential(const Node& node);

// Whether a name in the term says the variable: "a_k", "f(k)". Such a name is one variable here, whatever k
// is.
bool hides(const Node& node, std::string_view variable);

// "n-1-k" as "n-k-1": one spelling for a subscript that is a sum of letters and numbers.
std::string ordered_subscript(const std::string& subscript);

// The term with the bound variable under the name kIndex, also in subscripts: \sum_k F_k F_{n-k} and
// \sum_i F_{n-i} F_i are the same sum. Each subscripted name is then a variable like any other.
Node* with_index(const Node& term, std::string_view variable, Arena& arena);

}  // namespace pope
