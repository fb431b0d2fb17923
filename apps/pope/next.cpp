// See next.h.
#include "pope/next.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "core/chars.h"
#include "core/error.h"
#include "core/yaml.h"
#include "report/run_list.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 3;  // folders between a run and what it left: RUN/checkpoints/NAME/model

// Whether the file holds the settings of the run that left the problems: what of them is needed, this run has
// read, and has in its own.
bool is_of_run_before(const fs::path& file, const fs::path& problems) {
  const fs::path run = problems.parent_path();
  return file.lexically_normal() == (run / "config.yaml").lexically_normal() &&
         fs::exists(run / "environment.json");
}

fs::path free_folder(const fs::path& beside, const std::string& name) {
  fs::path folder = beside.parent_path() / name;
  for (int number = 2; fs::exists(folder); ++number)
    folder = beside.parent_path() / (name + "-" + std::to_string(number));
  return folder;
}

// The run that left a file or folder; nothing where none did.
std::optional<fs::path> owner_of(fs::path path) {
  for (int level = 0; level <= kDeepest && !path.empty(); ++level, path = path.parent_path()) {
    if (is_run(path)) return path;
  }
  return std::nullopt;
}

// What the settings of a run name: its model, its problems, its sets. Nothing where they cannot be read.
std::vector<std::string> inputs_of(const fs::path& run) {
  std::vector<std::string> inputs;
  try {
    const Json config = read_yaml(run / "config.yaml");
    const Json paths = config.is_object() ? config.value("paths", Json::object()) : Json::object();
    for (const char* key : {"problems", "easy", "model"}) {
      const Json path = paths.is_object() ? paths.value(key, Json()) : Json();
      if (path.is_string()) inputs.push_back(path);
    }
    const Json sets = paths.is_object() ? paths.value("eval_sets", Json()) : Json();
    for (const Json& set : sets.is_array() ? sets : Json::array()) {
      const std::string entry = set.is_string() ? set.get<std::string>() : "";
      inputs.push_back(entry.substr(entry.find('=') + 1));
    }
  } catch (const Error&) {  // then there are none to go back to
  }
  return inputs;
}

// Adds a run behind those that left what it read.
void add_with_origins(const fs::path& run, std::set<fs::path>& seen, std::vector<fs::path>& runs) {
  if (!seen.insert(run).second) return;
  for (const std::string& input : inputs_of(run)) {
    if (const auto origin = owner_of(fs::path(input).lexically_normal()))
      add_with_origins(*origin, seen, runs);
  }
  runs.push_back(run);
}

}  // namespace

std::string shell_word(const std::string& word) {
  const auto plain = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_-./=:,@%+").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string next_command(const Invocation& invocation, const Json& result, const std::string& verb,
                         const std::vector<std::pair<std::string, std::string>>& flags) {
  const fs::path run = result.at("out").get<std::string>();
  std::string command = "pope " + verb;
  const auto add = [&](const std::string& flag, const std::string& value) {
    command += " " + flag + " " + shell_word(value);
  };
  const fs::path config = run / "config.yaml";
  for (const std::string& file : invocation.files) {
    const bool own = fs::path(file).lexically_normal() == config.lexically_normal();
    if (!own && !is_of_run_before(file, invocation.settings.paths.problems)) add("-c", file);
  }
  add("-c", config.string());
  for (const auto& [flag, value] : flags) {
    add(flag, value);
    if (flag != "--problems" || fs::path(value).parent_path() != run) continue;
    for (const Options::Option& option : invocation.options.all()) {
      if (option.key().starts_with("problems.fields.") && option.value_text() != option.default_text())
        add("--set", option.key() + "=");
    }
  }
  add("--out", free_folder(run, verb).string());
  return command;
}

std::string report_command(const fs::path& run) {
  fs::path last = run.lexically_normal();
  if (last.filename().empty()) last = last.parent_path();
  std::set<fs::path> seen;
  std::vector<fs::path> runs;
  add_with_origins(last, seen, runs);
  std::string command = "pope report";
  for (const fs::path& one : runs) command += " " + shell_word(one.string());
  fs::path page = last.parent_path() / "report.html";
  for (int number = 2; fs::exists(page); ++number)
    page = last.parent_path() / ("report-" + std::to_string(number) + ".html");
  return command + " --out " + shell_word(page.string());
}

}  // namespace pope
