// See sandbox.h.
#include "agent/sandbox.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
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
  if (check) add({"--ro-bind", check->string(), "/check", "--setenv", "CHECK", "/check"});
  // What bubblewrap made of its own, /dev/shm too, is memory that nobody would count.
  add({"--remount-ro", "/dev", "--remount-ro", "/"});
  add({"--setenv", "PATH", kPath, "--setenv", "HOME", "/work", "--setenv", "LC_ALL", "C.UTF-8", "--chdir",
       "/work"});
  return line;
}

bool disables_userns = false;  // whether bubblewrap has --disable-userns (0.8): set by the first try

std::string try_once() {
  const fs::path folder = fs::temp_directory_path() / fmt::format("pope-sandbox-{}", getpid());
  std::error_code code;
  fs::create_directory(folder, code);
  if (is_root() && chown(folder.c_str(), kNobody, kNobody) != 0) return "cannot give a folder to nobody";
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

// Adds what lies under a folder, without following links. A folder that its owner has closed is opened again.
void add_usage(const fs::path& folder, std::int64_t most_files, Usage& usage) {
  std::error_code code;
  fs::directory_iterator entries(folder, code);
  if (code) {
    chmod(folder.c_str(), 0700);
    entries = fs::directory_iterator(folder, code);
  }
  for (; !code && entries != fs::directory_iterator() && usage.files <= most_files; entries.increment(code)) {
    struct stat info {};
    ++usage.files;
    if (lstat(entries->path().c_str(), &info) != 0) continue;
    usage.bytes += static_cast<std::int64_t>(info.st_blocks) * 512;
    if (S_ISDIR(info.st_mode)) add_usage(entries->path(), most_files, usage);
  }
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
    std::string text((std::istreambuf_iterator<char>(file)), {});
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

ProcessEnd Sandbox::run(const std::string& command, const std::string& input, double timeout_s,
                        const std::optional<fs::path>& check) const {
  const std::int64_t memory = std::int64_t{limits_.memory_mb} << 20,
                     disk = std::int64_t{limits_.disk_mb} << 20;
  ProcessSpec spec;
  spec.arguments = wrapper(scratch_, tmp_, check, disables_userns);
  spec.arguments.insert(
      spec.arguments.end(),
      {"/usr/bin/prlimit", fmt::format("--as={}", memory), fmt::format("--nproc={}", limits_.processes),
       fmt::format("--fsize={}", disk), "--nofile=256", "--core=0", "--", "/bin/sh", "-c", command});
  spec.environment = {{"PATH", kPath}};
  spec.input = input;
  spec.timeout_s = timeout_s;
  spec.most_output = static_cast<std::size_t>(limits_.output_kb) << 10;
  const std::int64_t free_before = free_bytes(folder_);
  const auto disk_fault = [&]() -> std::string {
    Usage usage;
    for (const fs::path& one : {scratch_, tmp_}) add_usage(one, limits_.files, usage);
    if (usage.files > limits_.files) return fmt::format("more than {} files", limits_.files);
    if (usage.bytes > disk) return fmt::format("more than {} MB on the disk", limits_.disk_mb);
    // Files that have lost their names are not in the folder.
    if (free_bytes(folder_) < free_before / 2) return "the disk fills up";
    return "";
  };
  spec.stop = [&](int pid) -> std::string {
    if (memory_below(pid) > memory) return fmt::format("more than {} MB of memory", limits_.memory_mb);
    return disk_fault();
  };
  ProcessEnd end = run_process(spec);
  if (end.kind == ProcessEnd::Kind::exited) {  // between two looks
    end.reason = disk_fault();
    if (!end.reason.empty()) end.kind = ProcessEnd::Kind::stopped;
  }
  return end;
}

void remove_scratch(const fs::path& folder) {
  std::error_code code;
  fs::remove_all(folder, code);
  // A folder without modes keeps its content from its owner.
  for (int tries = 0; code && tries < 100; ++tries) {
    std::vector<fs::path> open = {folder};
    while (!open.empty()) {
      const fs::path one = open.back();
      open.pop_back();
      chmod(one.c_str(), 0700);
      std::error_code skip;
      for (const auto& entry : fs::directory_iterator(one, skip)) {
        if (entry.is_directory(skip) && !entry.is_symlink(skip)) open.push_back(entry.path());
      }
    }
    fs::remove_all(folder, code);
  }
  if (code) throw Error("sandbox", "cannot remove " + folder.string() + ": " + code.message());
}

}  // namespace pope
