// The command line: arguments → a verb and its resolved settings, or help text. Does no work itself.
#pragma once

#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/options.h"
#include "pope/settings.h"
#include "pope/verb.h"

namespace pope {

// A mistyped command line: exit code 2. The message names the nearest known word where there is one.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What `pope VERB …` asked for. Settings hold what files and flags said; `help` asks for help only.
struct CommandLine {
  const Verb* verb = nullptr;  // null: `pope --help` (or --version)
  bool help = false, version = false, json = false;
  std::filesystem::path out;
  std::vector<std::string> arguments;
  std::vector<std::string> files;  // -c
};

// `arguments` without the program's name. Fills `options`, all that there are, in the order default < -c
// files < --set < other flags. Files may hold settings of any verb; --set only those that this one reads.
CommandLine parse_command_line(std::span<const Verb* const> verbs, std::vector<std::string> arguments,
                               Options& options);

std::string program_help(std::span<const Verb* const> verbs);
std::string verb_help(const Verb& verb, const Options& options);

}  // namespace pope
