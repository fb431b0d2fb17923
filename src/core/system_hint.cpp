// The error codes that a user can do something about.
#include "core/system_hint.h"

#include <cerrno>

namespace pope {

std::string system_hint(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "free some space, or write to another disk";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions, or choose another path";
    default:
      return "";
  }
}

}  // namespace pope
