// Files that survive a kill: whole-file writes go to a file without a name, are synced, named, then renamed.
// JSON Lines in and out, plain or zstd-compressed (by the ".zst" suffix). Errors name file and line.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace pope {

using Json = nlohmann::ordered_json;

std::string read_file(const std::filesystem::path& path);  // the whole file; Error when it cannot be read
// Writes atomically: after a crash the old or the new content is there, never a part. Error on full disk.
// Missing parent folders are made. Devices and pipes (/dev/stdout) are written to directly.
void write_file(const std::filesystem::path& path, std::string_view content);
// A name for the content of a file, or of the files directly in a folder: sizes and a 64-bit hash. Of files
// above 3 MiB only the first, the middle and the last MiB are hashed. It detects mix-ups, not forgery.
std::string fingerprint(const std::filesystem::path& path);
// fsync of a file, or of a folder's list of entries.
void sync_path(const std::filesystem::path& path);
// Writes a folder atomically: `fill` writes into a sibling, PATH.pope-tmp, which then replaces `path`.
void write_folder(const std::filesystem::path& path,
                  const std::function<void(const std::filesystem::path&)>& fill);
// The same, but a folder that is there stays. False: it holds other files than `fill` writes.
bool write_new_folder(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& fill);

// Removes what killed write_file() and write_folder() calls have left directly in `folder`, if there is one.
// For folders that nobody writes to meanwhile.
void remove_leftovers(const std::filesystem::path& folder);

// A file of one JSON value. Error names the file and what the parser expected.
Json read_json(const std::filesystem::path& path);
// Calls `row(value, line)` for each non-empty line, lines split at LF only, numbered from 1.
// A malformed line throws Error "FILE:LINE: …" with what the parser expected.
void read_jsonl(const std::filesystem::path& path, const std::function<void(Json&&, std::size_t)>& row);
// One line each, non-ASCII not escaped, invalid UTF-8 replaced by U+FFFD; atomic.
void write_jsonl(const std::filesystem::path& path, const std::vector<Json>& rows);
// Appends one line, in one write. Creates the file.
void append_jsonl(const std::filesystem::path& path, const Json& row);
// Appends one line per row; to a ".zst" file as one new frame. Does nothing when there are no rows.
void append_rows(const std::filesystem::path& path, const std::vector<Json>& rows);
// Cuts off an incomplete last line, which a kill during an append leaves. Does nothing when there is no file.
void repair_jsonl(const std::filesystem::path& path);
// One JSON value as one line, non-ASCII not escaped, invalid UTF-8 replaced by U+FFFD.
std::string dump(const Json& value, int indent = -1);

}  // namespace pope
