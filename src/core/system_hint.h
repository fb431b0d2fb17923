// What to do about a failed system call.
#pragma once

#include <string>

namespace pope {

// The hint for an errno: a full disk, missing permissions; "" where nothing is to be said.
std::string system_hint(int code);

}  // namespace pope
