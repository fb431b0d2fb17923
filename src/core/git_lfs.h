// git-lfs pointers: the few lines that stand in a repository for a large file until it is fetched.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pope {

inline constexpr std::string_view kGitLfsStart = "version https://git-lfs";  // how a pointer begins
inline constexpr std::string_view kGitLfsHint = "run 'git lfs pull' in its repository";

// Error, beginning with `operation`, when the file at `path` is a pointer. What cannot be opened is left to
// who reads it.
void refuse_git_lfs_pointer(const std::filesystem::path& path, const std::string& operation);

}  // namespace pope
