// When two written answers are the same. The rules stand in docs/verifier.md.
#pragma once

#include <string>
#include <string_view>

#include "verify/budget.h"

namespace pope {

struct AnswerComparison {
  bool equal = false;
  bool undecided = false;  // over budget, or a value that no enclosure reaches; `equal` is false
  std::string reason;      // "equal: …", "not equal: …", "undecided: …"
  std::string gold, pred;  // the normal forms compared
};

// Whether units, percent and currency signs may be missing on one side.
struct AnswerRules {
  bool units_optional = true;
};

// Symmetric. An empty answer equals nothing. Thread-safe.
AnswerComparison compare_answers(std::string_view gold, std::string_view pred, const AnswerRules& rules = {},
                                 const Limits& limits = {});

// Why hardly any answer can be found equal to this reference answer: it is empty, says that there is none
// ("proof", "not found"), or is read as no formula and compared by its words. "" when answers can be judged
// by it.
std::string reference_fault(std::string_view gold, const Limits& limits = {});

}  // namespace pope
