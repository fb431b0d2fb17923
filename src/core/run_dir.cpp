// Opening a run directory: lock it, compare verb, config and inputs with those recorded, then write what is
// missing. config.yaml is written after environment.json: its presence means that the directory is a run.
#include "core/run_dir.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
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

bool same(const std::string& a, const std::string& b) {
  if (a == b) return true;
  double x = 0, y = 0;
  const auto number = [](const std::string& text, double& value) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc() && end == text.data() + text.size();
  };
  return number(a, x) && number(b, y) && x == y;  // "1e-6" written by hand is "1e-06"
}

// A value as one short line.
std::string shown(const std::string& value) {
  constexpr std::size_t kMost = 60;
  std::string line = value.substr(0, value.find('\n'));
  if (line.size() > kMost) line.resize(character_start(line, kMost));
  return "'" + line + (line.size() < value.size() ? "...'" : "'");
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

// One line per key whose saved value differs from the one given now.
std::string differences(const fs::path& config, const Options& options) {
  const Values saved = values_of(read_file(config), config.string()),
               now = values_of(options.to_yaml(), "options");
  std::string text;
  for (const Options::Option& option : options.all()) {
    // A run that was made before this key existed has its default.
    const auto assumed = value_of(values_of("x: " + option.default_text(), "default"), "x");
    const std::string was = value_of(saved, option.key()).value_or(assumed.value_or("")),
                      is = value_of(now, option.key()).value_or("");
    if (!same(was, is))
      text += fmt::format("\n  {}: the run has {}, now given {}", option.key(), shown(was), shown(is));
  }
  for (const auto& [key, was] : saved) {
    const bool known =
        std::any_of(options.all().begin(), options.all().end(), [&](const Options::Option& option) {
          return key == option.key() || key.starts_with(option.key() + ".");
        });
    if (!known) text += fmt::format("\n  {}: the run has {}, now there is no such key", key, shown(was));
  }
  return text;
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

// Throws when the run in `path` has another verb, other settings or other inputs.
void check_same(const fs::path& path, std::string_view verb, const Json& environment, const Options& options,
                const Json& inputs) {
  if (environment["verb"] != verb) {
    throw Error(kOperation,
                fmt::format("{} is a run of 'pope {}', not of 'pope {}'", path.string(),
                            environment["verb"].get<std::string>(), verb),
                "choose another --out");
  }
  if (const std::string changed = differences(path / "config.yaml", options); !changed.empty()) {
    throw Error(kOperation, path.string() + " was started with other settings:" + changed,
                "give the same settings to continue it (-c " + (path / "config.yaml").string() +
                    "), or choose another --out");
  }
  const Json before = environment.value("inputs", Json::object());
  if (before == inputs) return;
  std::string changed;
  for (const auto& [name, fingerprint] : inputs.items()) {
    if (before.value(name, Json()) != fingerprint) changed += "\n  " + name;
  }
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
                    const std::vector<fs::path>& inputs) {
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
  Json environment = environment_of(verb), fingerprints = Json::object();
  for (const fs::path& input : inputs) fingerprints[input.string()] = fingerprint(input);
  if (run.resumed_) {
    environment = read_environment(environment_file);
    check_same(path, verb, environment, options, fingerprints);
  }
  environment["inputs"] = fingerprints;
  environment["starts"].push_back({{"time", utc_now()}, {"version", kVersion}});
  write_file(environment_file, dump(environment, 2) + "\n");
  const std::string yaml = options.to_yaml();
  if (!run.resumed_ || read_file(config) != yaml) write_file(config, yaml);
  repair_jsonl(path / "metrics.jsonl");
  return run;
}

RunDir::RunDir(RunDir&& other) noexcept
    : path_(std::move(other.path_)),
      resumed_(other.resumed_),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      tensorboard_(other.tensorboard_),
      events_(std::move(other.events_)) {}

RunDir::~RunDir() {
  if (lock_fd_ >= 0) ::close(lock_fd_);  // closing releases the lock
}

std::optional<Json> RunDir::result() const {
  const fs::path file = path_ / "result.json";
  if (!fs::exists(file)) return std::nullopt;
  return read_json(file);
}

void RunDir::write_result(const Json& result) { write_file(path_ / "result.json", dump(result, 2) + "\n"); }

void RunDir::append_metrics(const Json& row) {
  check_metrics(row);
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
  write_jsonl(path_ / "rollouts" / (std::string(name) + ".jsonl.zst"), rows);
}

}  // namespace pope
