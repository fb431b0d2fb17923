// What to do about a failed system call.
#pragma once

#include <string>

namespace pope {

// A hint for an errno: a full disk, missing permissions; "" for all others.
std::string system_hint(int code);

}  // namespace pope
