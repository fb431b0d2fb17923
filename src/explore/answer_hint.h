// The reference answer as a hint, as STaR's rationalisation has it (arXiv:2203.14465): who fails is told
// where to come out, and what then comes out right is learned from without the hint.
#pragma once

#include <vector>

#include "data/problem.h"
#include "text/prompt.h"

namespace pope {

inline constexpr auto kAnswerHint = "answer_hint";  // the wording
// Adds it: the message of a problem without guidance, and the hint. Settings that have a wording of that name
// keep it.
void add_answer_hint_wording(PromptConfig& config);
// The problems with their answers as guidance in that wording.
std::vector<Problem> with_answer_hints(std::vector<Problem> problems);

}  // namespace pope
