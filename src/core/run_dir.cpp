// Opening a run directory: lock it, compare verb, config and inputs with those recorded, then record the
// start. config.yaml is written after environment.json: its presence means that the directory is a run.
#include "core/run_dir.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>
#include <utility>

#include "core/chars.h"
#include "core/error.h"
#include "core/metrics.h"
#include "core/version.h"
#include "core/yaml.h"

namespace pope {
namespace fs = std::filesystem;
namespace {

constexpr auto kOperation = "run directory";
#ifdef __clang__
constexpr auto kCompiler = __VERSION__;  // "Clang 17.0.6 …"
#else
constexpr auto kCompiler = "g++ " __VERSION__;
#endif

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool same(const std::string& a, const std::string& b) {
  return a == b || (number(a) && number(a) == number(b));  // "1e-6" written by hand is "1e-06"
}

// A part of one line of `value`, in quotes.
std::string shown(const std::string& value, std::size_t begin) {
  constexpr std::size_t kMost = 60;
  const std::size_t line_end = std::min(value.find('\n', begin), value.size());
  const std::size_t end = character_start(value, std::min(line_end, begin + kMost));
  return fmt::format("'{}{}{}'", begin > 0 ? "..." : "", value.substr(begin, end - begin),
                     end < value.size() ? "..." : "");
}

// Two values that differ, each as one short line; of long ones the part in which they do.
std::string shown_pair(const std::string& was, const std::string& is) {
  constexpr std::size_t kSeen = 40, kBefore = 20;
  const std::size_t differs = std::mismatch(was.begin(), was.end(), is.begin(), is.end()).first - was.begin();
  const std::size_t line = was.substr(0, differs).rfind('\n') + 1;
  std::size_t begin = line;
  if (differs - line > kSeen) begin = character_start(was, differs - kBefore);
  return fmt::format("the run has {}, now given {}", shown(was, begin), shown(is, begin));
}

// By dotted key.
using Values = std::map<std::string, std::string>;

Values values_of(const std::string& yaml, const std::string& origin) {
  const auto flat = flatten_yaml(yaml, origin);
  Values values(flat.begin(), flat.end());
  values.erase("");  // an empty document
  return values;
}

// The value of a setting. Entries of the user's own (Options::Entries) are several keys under one. Nothing:
// the document has none.
std::optional<std::string> value_of(const Values& values, const std::string& key) {
  if (const auto found = values.find(key); found != values.end()) return found->second;
  const std::string prefix = key + ".";
  std::string text;
  for (auto at = values.lower_bound(prefix); at != values.end() && at->first.starts_with(prefix); ++at)
    text += (text.empty() ? "" : ", ") + at->first.substr(prefix.size()) + ": " + at->second;
  return text.empty() ? std::nullopt : std::optional(text);
}

// How the settings given now differ from those of the run.
struct Differences {
  std::string refused;  // a line each
  std::vector<std::string> changes;
  bool grown = false;
};

Differences differences(const fs::path& config, const Options& options) {
  using OnResume = Options::Option::OnResume;
  const Values saved = values_of(read_file(config), config.string()),
               now = values_of(options.to_yaml(), "options");
  Differences found;
  for (const Options::Option& option : options.all()) {
    // A run that was made before this key existed has its default.
    const auto assumed = value_of(values_of("x: " + option.default_text(), "default"), "x");
    const std::string was = value_of(saved, option.key()).value_or(assumed.value_or("")),
                      is = value_of(now, option.key()).value_or("");
    if (same(was, is) || option.on_resume() == OnResume::same_content) continue;
    const std::string line = option.key() + ": " + shown_pair(was, is);
    const bool grows = option.on_resume() == OnResume::larger;
    if (option.on_resume() == OnResume::any || (grows && number(is) > number(was))) {
      found.changes.push_back(line);
      found.grown = found.grown || grows;
    } else {
      found.refused += "\n  " + line + (grows ? "; it may become larger, not smaller" : "");
    }
  }
  for (const auto& [key, was] : saved) {
    const bool known =
        std::any_of(options.all().begin(), options.all().end(), [&key = key](const Options::Option& option) {
          return key == option.key() || key.starts_with(option.key() + ".");
        });
    if (!known)
      found.refused += fmt::format("\n  {}: the run has {}, now there is no such key", key, shown(was, 0));
  }
  return found;
}

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

// Describes program and machine, without anything that identifies the machine or its user.
Json environment_of(std::string_view verb) {
  utsname system{};
  ::uname(&system);
  return {{"program", "pope"},      {"version", kVersion},
          {"verb", verb},           {"system", std::string(system.sysname) + " " + system.machine},
          {"compiler", kCompiler},  {"hardware_threads", std::thread::hardware_concurrency()},
          {"starts", Json::array()}};
}

// Keys of the settings of which any value is taken when the run goes on.
Json keys_that_may_change(const Options& options) {
  Json keys = Json::array();
  for (const Options::Option& option : options.all()) {
    if (option.on_resume() == Options::Option::OnResume::any) keys.push_back(option.key());
  }
  return keys;
}

Json read_environment(const fs::path& path) {
  Json environment = read_json(path);
  if (!environment.is_object() || !environment.contains("verb") || !environment.contains("starts")) {
    throw Error(kOperation, path.string() + ": expected an object with verb and starts",
                "the directory is damaged; choose another one");
  }
  return environment;
}

// The first file that is neither a log nor one of those that opening a run writes; "" when there is none.
std::string first_content(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool opening =
        name == "lock" || name.starts_with("environment.json") || name.starts_with("config.yaml");
    const bool log = entry.path().extension() == ".log" || entry.path().extension() == ".txt";
    if (!opening && !log) return name;
  }
  return "";
}

// {key: {path, content}}; content "": nothing is there, which whoever reads it will say.
Json fingerprints_of(const std::vector<RunInput>& inputs) {
  Json all = Json::object();
  for (const auto& [key, path] : inputs)
    all[key] = {{"path", path.string()}, {"content", fs::exists(path) ? fingerprint(path) : ""}};
  return all;
}

// One line per input that holds something else than before.
std::string changed_inputs(const Json& before, const Json& now) {
  std::string changed;
  for (const auto& [key, input] : now.items()) {
    const std::string path = input["path"], content = input["content"];
    if (content.empty()) continue;
    // Runs that older versions began have {path: content}.
    const Json was = before.contains(path) ? Json{{"path", path}, {"content", before[path]}}
                                           : before.value(key, Json{{"path", "none"}, {"content", ""}});
    if (was["content"] == content) continue;
    changed += fmt::format("\n  {} ({})", path, key);
    if (was["path"] != path) changed += ": the run has " + was["path"].get<std::string>();
  }
  for (const auto& [key, was] : before.items()) {
    if (was.is_object() && !now.contains(key))
      changed +=
          fmt::format("\n  {}: the run has {}, now none is given", key, was["path"].get<std::string>());
  }
  return changed;
}

// Throws when the run in `path` has another verb, other inputs, or settings that may not differ. What may.
Differences check_same(const fs::path& path, std::string_view verb, const Json& environment,
                       const Options& options, const Json& inputs) {
  if (environment["verb"] != verb) {
    throw Error(kOperation,
                fmt::format("{} is a run of 'pope {}', not of 'pope {}'", path.string(),
                            environment["verb"].get<std::string>(), verb),
                "choose another --out");
  }
  Differences found = differences(path / "config.yaml", options);
  if (!found.refused.empty()) {
    throw Error(kOperation, path.string() + " was started with other settings:" + found.refused,
                "give the same settings to continue it (-c " + (path / "config.yaml").string() +
                    "), or choose another --out");
  }
  const std::string changed = changed_inputs(environment.value("inputs", Json::object()), inputs);
  if (changed.empty()) return found;
  throw Error(kOperation, path.string() + " was started with other content of:" + changed,
              "choose another --out; what lies there was made from what these held before");
}

int lock_folder(const fs::path& path) {
  const int fd = ::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    throw Error(kOperation, "cannot write into " + path.string() + ": " + std::strerror(errno),
                "check the permissions, or choose another --out");
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    throw Error(kOperation, path.string() + " is in use by another pope command",
                "wait for it to end, or choose another --out");
  }
  return fd;
}

}  // namespace

RunDir RunDir::open(const fs::path& path, std::string_view verb, const Options& options,
                    const std::vector<RunInput>& inputs) {
  if (path.empty()) throw Error(kOperation, "expected a path, got none", "give --out DIR");
  std::error_code code;
  if (fs::exists(path, code) && !fs::is_directory(path)) {
    throw Error(kOperation, path.string() + ": expected a folder, a file is in the way",
                "choose another --out");
  }
  fs::create_directories(path, code);
  if (code) {
    throw Error(kOperation, "cannot make " + path.string() + ": " + code.message(),
                "check the permissions, or choose another --out");
  }
  const fs::path config = path / "config.yaml", environment_file = path / "environment.json";
  if (const std::string content = first_content(path); !content.empty() && !fs::exists(config)) {
    throw Error(kOperation, path.string() + " holds files but is no run directory (" + content + ")",
                "choose a new or empty folder as --out");
  }
  RunDir run;
  run.path_ = path;
  run.lock_fd_ = lock_folder(path);
  run.resumed_ = !first_content(path).empty();
  run.config_ = options.to_yaml();
  run.environment_ = environment_of(verb);
  run.environment_["inputs"] = fingerprints_of(inputs);
  if (run.resumed_) {
    const Json now = run.environment_["inputs"];
    run.environment_ = read_environment(environment_file);
    const Differences found = check_same(path, verb, run.environment_, options, now);
    run.changes_ = found.changes;
    run.grown_ = found.grown;
  }
  run.environment_["may_change"] = keys_that_may_change(options);
  for (const char* folder : {"", "rollouts", "checkpoints"}) remove_leftovers(path / folder);
  if (!fs::exists(path / "result.json")) run.record_start();
  repair_jsonl(path / "metrics.jsonl");
  return run;
}

void RunDir::record_start() {
  Json start = {{"time", utc_now()}, {"version", kVersion}};
  if (!changes_.empty()) start["changes"] = changes_;
  environment_["starts"].push_back(std::move(start));
  write_file(path_ / "environment.json", dump(environment_, 2) + "\n");
  const fs::path config = path_ / "config.yaml";
  if (!resumed_ || read_file(config) != config_) write_file(config, config_);
}

void RunDir::reopen() {
  const fs::path file = path_ / "result.json";
  if (!fs::exists(file)) return;
  fs::remove(file);  // first: a kill here leaves a run that goes on
  sync_path(path_);
  record_start();
}

void RunDir::require_in_place() const {
  struct stat mine {
  }, there{};
  if (::fstat(lock_fd_, &mine) == 0 && ::stat((path_ / "lock").c_str(), &there) == 0 &&
      mine.st_dev == there.st_dev && mine.st_ino == there.st_ino)
    return;
  throw Error(kOperation, path_.string() + " was removed, moved or replaced while this command ran",
              "what it had done went with it: start it again");
}

RunDir::RunDir(RunDir&& other) noexcept
    : path_(std::move(other.path_)),
      config_(std::move(other.config_)),
      environment_(std::move(other.environment_)),
      changes_(std::move(other.changes_)),
      resumed_(other.resumed_),
      grown_(other.grown_),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      tensorboard_(other.tensorboard_),
      events_(std::move(other.events_)) {}

RunDir RunDir::join(const fs::path& path) {
  RunDir run;
  run.path_ = path;
  return run;
}

RunDir::~RunDir() {
  if (lock_fd_ >= 0) ::close(lock_fd_);  // closing releases the lock
}

std::optional<Json> RunDir::result() const {
  const fs::path file = path_ / "result.json";
  if (!fs::exists(file)) return std::nullopt;
  return read_json(file);
}

void RunDir::write_result(const Json& result) {
  require_in_place();
  write_file(path_ / "result.json", dump(result, 2) + "\n");
}

void RunDir::append_metrics(const Json& row) {
  check_metrics(row);
  require_in_place();
  append_jsonl(path_ / "metrics.jsonl", row);
  if (events_) {
    events_->append(row);
  } else if (tensorboard_) {
    std::vector<Json> rows;
    read_jsonl(path_ / "metrics.jsonl", [&](Json&& r, std::size_t) { rows.push_back(std::move(r)); });
    events_.emplace(path_ / "tensorboard", rows);
  }
}

void RunDir::truncate_metrics(std::int64_t step) {
  truncate_steps(path_ / "metrics.jsonl", step);
  events_.reset();
}

void truncate_steps(const fs::path& file, std::int64_t step) {
  if (!fs::exists(file)) return;
  repair_jsonl(file);
  std::vector<Json> kept;
  read_jsonl(file, [&](Json&& row, std::size_t) {
    if (row.value("step", std::int64_t{0}) <= step) kept.push_back(std::move(row));
  });
  write_jsonl(file, kept);
}

void RunDir::write_rollouts(std::string_view name, const std::vector<Json>& rows) const {
  require_in_place();
  write_jsonl(path_ / "rollouts" / (std::string(name) + ".jsonl.zst"), rows);
}

}  // namespace pope
