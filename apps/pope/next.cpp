// See next.h.
#include "pope/next.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "core/chars.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

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

}  // namespace pope
