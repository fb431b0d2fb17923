// See git_lfs.h.
#include "core/git_lfs.h"

#include <fstream>

#include "core/error.h"

namespace pope {

void refuse_git_lfs_pointer(const std::filesystem::path& path, const std::string& operation) {
  std::string start(kGitLfsStart.size(), '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  if (start != kGitLfsStart) return;
  throw Error(operation, path.string() + " is a git-lfs pointer, not the file itself",
              std::string(kGitLfsHint));
}

}  // namespace pope
