// Atomic writes: fsync, a temporary name, rename. Devices and pipes are written to directly.
#include "core/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "core/compress.h"
#include "core/error.h"
#include "core/json_depth.h"
#include "core/json_text.h"
#include "core/rng.h"
#include "core/system_hint.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

// How files and folders are called that are not whole yet, or are no longer: NAME.pope-tmp-PROCESS, … They
// are removed without a question, so that nobody else may call anything by such a name.
constexpr std::string_view kTemporary = ".pope-tmp-", kTemporaryFolder = ".pope-tmp",
                           kReplacedFolder = ".pope-replaced", kAgainFolder = ".pope-again";
constexpr auto kDescriptors = "/proc/self/fd/";

[[noreturn]] void fail(const std::string& operation, const fs::path& path, int code) {
  throw Error(operation, path.string() + ": " + std::strerror(code), system_hint(code));
}

// An open file descriptor; closes itself.
class File {
 public:
  File(const std::string& operation, const fs::path& path, int flags) : operation_(operation), path_(path) {
    fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(operation_, path_, errno);
  }
  // A new file that is called `path` once name() is called, where the file system has files without a name: a
  // kill before that leaves nothing. Elsewhere it has its name at once.
  File(const std::string& operation, const fs::path& path) : operation_(operation), path_(path) {
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    if (::access(kDescriptors, X_OK) == 0)
      fd_ = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    unnamed_ = fd_ >= 0;
    if (!unnamed_) fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(operation_, path_, errno);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view content) {
    while (!content.empty()) {
      const ssize_t written = ::write(fd_, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(operation_, path_, errno);
      content.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void sync() {
    // Devices and some file systems have no fsync; that is not an error.
    if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) fail(operation_, path_, errno);
  }
  void name() {
    if (!unnamed_) return;
    ::unlink(path_.c_str());  // of a killed process that had this one's number
    const std::string link = kDescriptors + std::to_string(fd_);
    if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) != 0)
      fail(operation_, path_, errno);
  }
  void close() {  // some errors of a full disk appear only here
    const int result = ::close(fd_);
    fd_ = -1;
    if (result != 0) fail(operation_, path_, errno);
  }

 private:
  std::string operation_;
  fs::path path_;
  int fd_ = -1;
  bool unnamed_ = false;
};

void create_parents(const std::string& operation, const fs::path& path) {
  if (!path.has_parent_path()) return;
  std::error_code code;
  fs::create_directories(path.parent_path(), code);
  if (code) fail(operation, path.parent_path(), code.value());
}

void sync_parent(const fs::path& path) {
  sync_path(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

// Removes a folder when it goes out of scope.
struct FolderRemover {
  fs::path path;
  ~FolderRemover() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

[[noreturn]] void fail_nested(const std::string& operation, const std::string& where) {
  throw Error(operation,
              where + ": expected at most " + std::to_string(kMaxJsonLevels) + " levels of nesting, got more",
              "the file is damaged");
}

bool is_zstd(const fs::path& path) { return path.extension() == ".zst"; }

// Rows as lines of text, compressed if the file's name ends in ".zst".
std::string lines_for(const fs::path& path, const std::vector<Json>& rows) {
  std::string content;
  for (const Json& row : rows) content += dump(row) + "\n";
  return is_zstd(path) ? zstd_compress(content) : content;
}

// Whether two folders hold the same files, byte for byte.
bool same_content(const fs::path& a, const fs::path& b) {
  const auto files_in = [](const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (!entry.is_directory()) files.push_back(entry.path().lexically_relative(folder));
    std::sort(files.begin(), files.end());
    return files;
  };
  const std::vector<fs::path> files = files_in(a);
  if (files != files_in(b)) return false;
  return std::all_of(files.begin(), files.end(), [&](const fs::path& file) {
    std::ifstream left(a / file, std::ios::binary), right(b / file, std::ios::binary);
    const std::istreambuf_iterator<char> end;
    return left && right &&
           std::equal(std::istreambuf_iterator<char>(left), end, std::istreambuf_iterator<char>(right), end);
  });
}

}  // namespace

std::string read_file(const fs::path& path) {
  if (fs::is_directory(path)) throw Error("read file", path.string() + ": expected a file, got a folder");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("read file", path, errno != 0 ? errno : EIO);
  std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) fail("read file", path, errno != 0 ? errno : EIO);
  return content;
}

std::string fingerprint(const fs::path& path) {
  constexpr auto kOperation = "read file";
  constexpr std::uintmax_t kPiece = 1 << 20;
  std::vector<fs::path> files;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  } else {
    if (fs::exists(path) && !fs::is_regular_file(path)) {
      throw Error(kOperation, path.string() + ": expected a file, got a pipe or a device",
                  "a run that goes on reads its inputs again: save them to a file");
    }
    files.push_back(path);
  }
  std::uint64_t hash = key_of("fingerprint");
  std::string piece;
  std::uintmax_t total = 0;
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail(kOperation, file, errno != 0 ? errno : EIO);
    const std::uintmax_t size = fs::file_size(file), pieces = (size + kPiece - 1) / kPiece;
    total += size;
    hash = key_of(fmt::format("{:x} {} {}", hash, file.filename().string(), size));
    for (const std::uintmax_t i : {std::uintmax_t{0}, pieces / 2, pieces - 1}) {
      if (i >= pieces) continue;
      piece.resize(std::min(kPiece, size - i * kPiece));
      in.seekg(static_cast<std::streamoff>(i * kPiece));
      if (!in.read(piece.data(), static_cast<std::streamsize>(piece.size()))) fail(kOperation, file, EIO);
      hash = key_of(fmt::format("{:x} ", hash) + piece);
    }
  }
  return fmt::format("{} bytes, {:016x}", total, hash);
}

void sync_path(const fs::path& path) { File("sync", path, O_RDONLY).sync(); }

void write_file(const fs::path& given, std::string_view content) {
  constexpr auto kOperation = "write file";
  std::error_code ignored;
  const fs::file_status there = fs::status(given, ignored);  // of what a link points to
  if (fs::is_directory(there)) throw Error(kOperation, given.string() + ": expected a file, got a folder");
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    File device(kOperation, given, O_WRONLY);
    device.write(content);
    device.close();
    return;
  }
  // A link is kept; the file that it points to is replaced.
  const fs::path path = fs::exists(there) && fs::is_symlink(given) ? fs::canonical(given) : given;
  create_parents(kOperation, path);
  const fs::path temporary = path.string() + std::string(kTemporary) + std::to_string(::getpid());
  try {
    File file(kOperation, temporary);
    file.write(content);
    file.sync();
    file.name();
    file.close();
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(kOperation, path, errno);
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_parent(path);
}

void write_folder(const fs::path& given, const std::function<void(const fs::path&)>& fill) {
  constexpr auto kOperation = "write folder";
  const fs::path path = given.has_filename() ? given : given.parent_path();  // without a trailing slash
  create_parents(kOperation, path);
  // Fixed names, so that the next write clears what a kill left behind.
  const fs::path temporary = path.string() + std::string(kTemporaryFolder),
                 replaced = path.string() + std::string(kReplacedFolder);
  fs::remove_all(temporary);
  fs::remove_all(replaced);
  std::error_code code;
  fs::create_directory(temporary, code);
  if (code) fail(kOperation, temporary, code.value());
  const FolderRemover clear_temporary{temporary}, clear_replaced{replaced};
  fill(temporary);
  for (const auto& entry : fs::recursive_directory_iterator(temporary)) {
    if (entry.is_regular_file() || entry.is_directory()) sync_path(entry.path());
  }
  sync_path(temporary);
  // A single step where the file system can swap two names; elsewhere for a moment neither folder is there.
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0) {
    if (fs::exists(path)) fs::rename(path, replaced);
    fs::rename(temporary, path);
  }
  sync_parent(path);
}

bool write_new_folder(const fs::path& given, const std::function<void(const fs::path&)>& fill) {
  const fs::path path = given.has_filename() ? given : given.parent_path();
  if (!fs::exists(path)) {
    write_folder(path, fill);
    return true;
  }
  if (!fs::is_directory(path)) return false;
  const fs::path again = path.string() + std::string(kAgainFolder);
  write_folder(again, fill);
  const FolderRemover clear{again};
  return same_content(path, again);
}

void remove_leftovers(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  for (const fs::path& entry : entries) {
    const std::string name = entry.filename().string();
    const std::size_t mark = name.rfind(kTemporary);
    const std::size_t process = mark == std::string::npos ? 0 : mark + kTemporary.size();
    const bool file = process > 0 && process < name.size() &&
                      name.find_first_not_of("0123456789", process) == std::string::npos;
    if (fs::is_directory(entry)) {
      const bool replaced = name.ends_with(kReplacedFolder);
      const fs::path whole = folder / entry.stem();
      if (replaced && !fs::exists(whole)) {
        fs::rename(entry, whole);  // killed between the two steps of a swap
      } else if (replaced || name.ends_with(kTemporaryFolder)) {
        fs::remove_all(entry);
      }
    } else if (file) {
      fs::remove(entry);
    }
  }
}

Json read_json(const fs::path& path) {
  try {
    const std::string text = read_file(path);
    if (nested_too_deep(text)) fail_nested("read JSON", path.string());
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error("read JSON", path.string() + ": " + json_message(error.what()));
  }
}

void read_jsonl(const fs::path& path, const std::function<void(Json&&, std::size_t)>& row) {
  std::string content = read_file(path);
  if (is_zstd(path)) content = zstd_decompress(content, path.string());
  std::size_t number = 0;
  // Only LF ends a line: U+2028 and its like are characters of strings.
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    std::string_view line(content.data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (nested_too_deep(line)) fail_nested("read JSON Lines", path.string() + ":" + std::to_string(number));
    Json value;
    try {
      value = Json::parse(line);
    } catch (const Json::exception& error) {  // also a number beyond a double's range
      throw Error("read JSON Lines", path.string() + ":" + std::to_string(number) +
                                         ": expected one JSON value per line: " + json_message(error.what()));
    }
    row(std::move(value), number);
  }
}

void write_jsonl(const fs::path& path, const std::vector<Json>& rows) {
  write_file(path, lines_for(path, rows));
}

void append_jsonl(const fs::path& path, const Json& row) { append_rows(path, std::vector<Json>(1, row)); }

void append_rows(const fs::path& path, const std::vector<Json>& rows) {
  if (rows.empty()) return;
  create_parents("append", path);
  // One write call, so that a kill leaves at most the end torn.
  File file("append", path, O_WRONLY | O_CREAT | O_APPEND);
  file.write(lines_for(path, rows));
  file.close();
}

void repair_jsonl(const fs::path& path) {
  if (!fs::exists(path)) return;
  const std::string content = read_file(path);
  const std::size_t last = content.rfind('\n');
  const std::size_t whole = last == std::string::npos ? 0 : last + 1;
  if (whole < content.size()) write_file(path, std::string_view(content).substr(0, whole));
}

std::string dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pope
