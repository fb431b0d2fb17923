// Powers, roots and the functions that answers name. Exact where a rational has a rational value.
#pragma once

#include <string_view>
#include <vector>

#include "verify/evaluate.h"

namespace pope {

// `arguments` are defined.
Value apply_function(std::string_view name, const std::vector<Value>& arguments, Evaluation& at);
Value power(const Value& base, const Value& exponent, Evaluation& at);
Value root(const Value& base, slong index, Evaluation& at);

}  // namespace pope
