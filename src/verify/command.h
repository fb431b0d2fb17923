// The "command" verifier: the user's program, kept alive, JSON Lines on its stdin and stdout. A process that
// crashes, or does not answer in time, is replaced; an item that made it crash is tried once more on a fresh
// one. They end with pope, however it ends.
#pragma once

#include <memory>

#include "verify/verifier.h"

namespace pope {

std::unique_ptr<Verifier> make_command_verifier(const VerifyConfig& config);

}  // namespace pope
