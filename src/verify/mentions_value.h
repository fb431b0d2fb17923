// Whether a text states an answer under another spelling, by value.
#pragma once

#include <string_view>

#include "verify/answers.h"

namespace pope {

// True when a formula of `text`, or a part of one ("… = 2\sqrt{3}", "$2$ and $3$"), has the value of the
// answer under another spelling, by compare_answers() within a small budget. An answer that is a number is
// only found in numbers ("0.5" states 50%), not in calculations: "2^2" or "8 - 4" would be 4 by chance. At
// most 4096 comparisons.
bool mentions_value(std::string_view text, std::string_view answer, const AnswerRules& rules = {});

}  // namespace pope
