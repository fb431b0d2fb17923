// The "walks" verifier: any legal walks to the targets are correct, not just the planted ones.
#pragma once

#include <memory>

#include "verify/verifier.h"

namespace pope {

std::unique_ptr<Verifier> make_walks_verifier(const VerifyConfig& config);

}  // namespace pope
