// See sandbox.h.
#include "agent/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <system_error>

#include "core/chars.h"
#include "core/error.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

// Started as root, commands run as nobody: limits on processes do not bind root.
constexpr unsigned kNobody = 65534;
bool is_root() { return geteuid() == 0; }

constexpr double kTryS = 20;
constexpr auto kPath = "/usr/local/bin:/usr/bin:/bin";

// The command line up to what runs inside.
std::vector<std::string> wrapper(const fs::path& scratch, const fs::path& tmp,
                                 const std::optional<fs::path>& check, bool disable_userns) {
  std::vector<std::string> line;
  const auto add = [&](std::initializer_list<std::string> words) { line.insert(line.end(), words); };
  if (is_root()) add({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"});
  add({"bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
       "--hostname", "sandbox", "--clearenv"});
  if (disable_userns) add({"--disable-userns"});
  add({"--ro-bind", "/usr", "/usr"});
  for (const char* folder : {"/bin", "/sbin", "/lib", "/lib64", "/lib32"}) {
    if (fs::is_symlink(folder))
      add({"--symlink", fs::read_symlink(folder).string(), folder});
    else
      add({"--ro-bind-try", folder, folder});
  }
  for (const char* path : {"/etc/alternatives", "/etc/ld.so.cache"}) add({"--ro-bind-try", path, path});
  add({"--proc", "/proc", "--dev", "/dev", "--bind", scratch.string(), "/work", "--bind", tmp.string(),
       "/tmp"});
  // What the agent left in the working folder is not to steer a check: no settings of its own, no modules
  // beside it.
  if (check)
    add({"--ro-bind", check->string(), "/check", "--setenv", "CHECK", "/check", "--setenv", "PYTHONSAFEPATH",
         "1", "--setenv", "PYTHONNOUSERSITE", "1"});
  // What bubblewrap made of its own, /dev/shm too, is memory that nobody would count.
  add({"--remount-ro", "/dev", "--remount-ro", "/"});
  add({"--setenv", "PATH", kPath, "--setenv", "HOME", check ? "/check" : "/work", "--setenv", "LC_ALL",
       "C.UTF-8", "--chdir", "/work"});
  return line;
}

bool disables_userns = false;  // whether bubblewrap has --disable-userns (0.8): set by the first try

std::string try_once() {
  std::string made = (fs::temp_directory_path() / "pope-sandbox-XXXXXX").string();
  if (mkdtemp(made.data()) == nullptr) return "cannot make a folder in " + fs::temp_directory_path().string();
  const fs::path folder = made;
  if (is_root() && lchown(folder.c_str(), kNobody, kNobody) != 0) return "cannot give a folder to nobody";
  ProcessEnd end;
  for (const bool userns : {true, false}) {
    ProcessSpec spec;
    spec.arguments = wrapper(folder, folder, std::nullopt, userns);
    spec.arguments.insert(spec.arguments.end(), {"/usr/bin/prlimit", "--core=0", "--", "/bin/true"});
    spec.environment = {{"PATH", kPath}};
    spec.timeout_s = kTryS;
    end = run_process(spec);
    disables_userns = userns;
    if (end.kind == ProcessEnd::Kind::exited && end.status == 0) break;
  }
  std::error_code code;
  fs::remove(folder, code);
  if (end.kind == ProcessEnd::Kind::exited && end.status == 0) return "";
  if (end.kind == ProcessEnd::Kind::exited && end.status == 127)
    return "bubblewrap is not installed (or setpriv and prlimit of util-linux)\n  hint: apt-get install "
           "bubblewrap";
  return "bubblewrap cannot run here: " + std::string(trim(end.output)) + " (" + describe(end, kTryS) +
         ")\n  hint: it needs user namespaces (sysctl user.max_user_namespaces; in a container, its security "
         "options)";
}

struct Usage {
  std::int64_t bytes = 0, files = 0;
};

constexpr int kMostDepth = 200;  // of folders in a scratch folder

// A folder by its name in another one; links are not followed. One that its owner has closed is opened again.
// -1: it is none, or is gone.
int open_folder(int parent, const char* name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(parent, name, kFlags);
  if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
    fd = openat(parent, name, kFlags);
  return fd;
}

// Adds what lies under a folder, and closes it. Folders that are nested too deep count as too many files.
void add_usage(int fd, std::int64_t most_files, int depth, Usage& usage) {
  DIR* const folder = fd < 0 ? nullptr : fdopendir(fd);
  if (folder == nullptr) {
    if (fd >= 0) close(fd);
    return;
  }
  if (depth > kMostDepth) usage.files = most_files + 1;
  while (usage.files <= most_files) {
    const dirent* const entry = readdir(folder);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    struct stat info {};
    if (name == "." || name == ".." || fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    ++usage.files;
    usage.bytes += static_cast<std::int64_t>(info.st_blocks) * 512;
    if (S_ISDIR(info.st_mode)) add_usage(open_folder(fd, entry->d_name), most_files, depth + 1, usage);
  }
  closedir(folder);
}

// The memory that the machine can still give, in bytes; 0: not known.
std::int64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word) {
    std::int64_t kilobytes = 0;
    if (word == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

std::int64_t free_bytes(const fs::path& folder) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) return 0;
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

// Resident bytes of a process and its descendants.
std::int64_t memory_below(pid_t root) {
  struct One {
    pid_t parent = 0;
    std::int64_t pages = 0;
  };
  std::map<pid_t, One> all;
  std::error_code code;
  for (const auto& entry :
       fs::directory_iterator("/proc", fs::directory_options::skip_permission_denied, code)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;  // by the stream, for which a process that has just ended is no exception
    std::getline(file, text, '\0');
    const std::size_t behind = text.rfind(')');  // the name in front may hold anything
    if (behind == std::string::npos) continue;
    One one;
    long long pages = 0;
    // state ppid, then 19 fields up to vsize and rss (proc(5): 24 is rss)
    if (std::sscanf(
            text.c_str() + behind + 1,
            " %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld",
            &one.parent, &pages) != 2)
      continue;
    one.pages = pages;
    all[pid] = one;
  }
  std::int64_t pages = 0;
  for (const auto& [pid, one] : all) {
    pid_t up = pid;
    for (int depth = 0; depth < 1000 && up > 1 && up != root; ++depth) {
      const auto found = all.find(up);
      up = found == all.end() ? 0 : found->second.parent;
    }
    if (up == root) pages += one.pages;
  }
  return pages * sysconf(_SC_PAGESIZE);
}

void give_to_nobody(const fs::path& path) {
  if (!is_root()) return;
  if (lchown(path.c_str(), kNobody, kNobody) != 0)
    throw Error("sandbox", "cannot give " + path.string() + " to nobody");
}

}  // namespace

const std::string& Sandbox::unavailable() {
  static const std::string reason = try_once();
  return reason;
}

Sandbox::Sandbox(const fs::path& folder, const SandboxLimits& limits)
    : folder_(fs::absolute(folder)), scratch_(folder_ / "work"), tmp_(folder_ / "tmp"), limits_(limits) {
  if (!unavailable().empty()) throw Error("sandbox", unavailable());
  if (!fs::create_directory(folder_)) throw Error("sandbox", folder_.string() + " is there already");
  chmod(folder_.c_str(), 0700);
  for (const fs::path& one : {scratch_, tmp_}) fs::create_directory(one);
  for (const fs::path& one : {folder_, scratch_, tmp_}) give_to_nobody(one);
}

Sandbox::~Sandbox() {
  try {
    remove_scratch(folder_);
  } catch (const Error&) {  // what the system does not let go of stays for whoever cleans the folder
  }
}

void Sandbox::hand_over() const {
  for (const auto& entry : fs::recursive_directory_iterator(scratch_)) give_to_nobody(entry.path());
}

std::string Sandbox::overfull(const fs::path& tmp) const {
  Usage usage;
  for (const fs::path& one : {scratch_, tmp})
    add_usage(open_folder(AT_FDCWD, one.c_str()), limits_.files, 0, usage);
  if (usage.files > limits_.files) return fmt::format("more than {} files", limits_.files);
  if (usage.bytes > std::int64_t{limits_.disk_mb} << 20)
    return fmt::format("more than {} MB on the disk", limits_.disk_mb);
  return "";
}

ProcessEnd Sandbox::run(const std::string& command, const std::string& input, double timeout_s,
                        const std::optional<fs::path>& check) const {
  const std::int64_t memory = std::int64_t{limits_.memory_mb} << 20,
                     disk = std::int64_t{limits_.disk_mb} << 20;
  const fs::path tmp = check ? folder_ / "check_tmp" : tmp_;  // a check finds an empty one
  if (check) {
    remove_scratch(tmp);
    fs::create_directory(tmp);
    for (const auto& entry : fs::recursive_directory_iterator(*check)) give_to_nobody(entry.path());
    for (const fs::path& one : {tmp, *check}) give_to_nobody(one);
  }
  ProcessSpec spec;
  spec.arguments = wrapper(scratch_, tmp, check, disables_userns);
  // Watched inside as well: bubblewrap's child is in a session of its own, and asks to die with its parent
  // only some time after it was made.
  spec.keeps_watch_fd = true;
  const auto inside = watched({"/usr/bin/prlimit", fmt::format("--as={}", memory),
                               fmt::format("--nproc={}", limits_.processes), fmt::format("--fsize={}", disk),
                               "--nofile=256", "--core=0", "--", "/bin/sh", "-c", command});
  spec.arguments.insert(spec.arguments.end(), inside.begin(), inside.end());
  spec.environment = {{"PATH", kPath}};
  spec.input = input;
  spec.timeout_s = timeout_s;
  spec.most_output = static_cast<std::size_t>(limits_.output_kb) << 10;
  const std::int64_t free_before = free_bytes(folder_), memory_before = available_memory();
  const auto disk_fault = [&]() -> std::string {
    // Files that have lost their names are not in the folder.
    return free_bytes(folder_) < free_before / 2 ? "the disk fills up" : overfull(tmp);
  };
  spec.stop = [&](int pid) -> std::string {
    if (memory_below(pid) > memory) return fmt::format("more than {} MB of memory", limits_.memory_mb);
    // Memory files and shared segments belong to no process.
    if (available_memory() < memory_before / 4) return "the memory fills up";
    return disk_fault();
  };
  ProcessEnd end = run_process(spec);
  if (end.kind == ProcessEnd::Kind::exited && end.status == 1 && end.output.starts_with("bwrap: ")) {
    // bubblewrap that fails says so and ends with 1. A command may print the same: then another one still
    // runs.
    spec.arguments.back() = "exit 0";
    spec.input.clear();
    const ProcessEnd another = run_process(spec);
    if (another.kind != ProcessEnd::Kind::exited || another.status != 0) {
      end.kind = ProcessEnd::Kind::not_started;
      end.reason = end.output;
    }
  }
  if (end.kind == ProcessEnd::Kind::exited) {  // between two looks
    end.reason = disk_fault();
    if (!end.reason.empty()) end.kind = ProcessEnd::Kind::stopped;
  }
  return end;
}

namespace {

// Opens what a folder's owner has closed, and closes `fd`.
void open_up(int fd) {
  DIR* const folder = fd < 0 ? nullptr : fdopendir(fd);
  if (folder == nullptr) {
    if (fd >= 0) close(fd);
    return;
  }
  fchmod(fd, 0700);
  while (const dirent* const entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") open_up(open_folder(fd, entry->d_name));
  }
  closedir(folder);
}

}  // namespace

void remove_scratch(const fs::path& folder) {
  std::error_code code;
  fs::remove_all(folder, code);
  if (code) {  // a folder without modes keeps its content from its owner
    open_up(open_folder(AT_FDCWD, folder.c_str()));
    fs::remove_all(folder, code);
  }
  if (code) throw Error("sandbox", "cannot remove " + folder.string() + ": " + code.message());
}

}  // namespace pope
