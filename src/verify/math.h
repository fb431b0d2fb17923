// The "math" verifier: the last box, else the fall-backs that are on; compared by compare_answers().
#pragma once

#include <memory>

#include "verify/verifier.h"

namespace pope {

std::unique_ptr<Verifier> make_math_verifier(const VerifyConfig& config);
// Takes the whole text for the answer.
std::unique_ptr<Verifier> make_answer_verifier(const VerifyConfig& config);

}  // namespace pope
