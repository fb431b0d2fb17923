// The verifiers by kind, for the table in verifier.cpp.
#pragma once

#include <memory>

#include "verify/verifier.h"

namespace pope {

std::unique_ptr<Verifier> make_math_verifier(const VerifyConfig& config);
// Takes the whole text for the answer.
std::unique_ptr<Verifier> make_answer_verifier(const VerifyConfig& config);
std::unique_ptr<Verifier> make_walks_verifier(const VerifyConfig& config);
std::unique_ptr<Verifier> make_command_verifier(const VerifyConfig& config);
std::unique_ptr<Verifier> make_http_verifier(const VerifyConfig& config);

}  // namespace pope
