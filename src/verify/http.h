// The "http" verifier: each completion is POSTed as JSON to the user's endpoint; connections are kept open.
// What fails before there is a reply (no connection, or a dropped one) or by a status of 500 and above is
// tried twice more, within the one time limit.
#pragma once

#include <memory>

#include "verify/verifier.h"

namespace pope {

std::unique_ptr<Verifier> make_http_verifier(const VerifyConfig& config);

}  // namespace pope
