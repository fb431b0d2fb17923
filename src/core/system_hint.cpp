// The error codes that a user can do something about.
#include "core/system_hint.h"

#include <cerrno>

namespace pope {

std::string system_hint(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or write to another disk";
    case EFBIG:
      return "a limit on the size of files is set (ulimit -f), or the disk has one: raise it, or write less";
    case ENOMEM:
      return std::string(kMemoryHint);
    case EACCES:
    case EPERM:
    case EROFS:
      return "check the permissions, or choose another path";
    default:
      return "";
  }
}

}  // namespace pope
