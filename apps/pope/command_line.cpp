// Parsing is CLI11's; which flags there are comes from the verb, and what they mean from Options.
#include "pope/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "core/chars.h"
#include "core/nearest.h"

namespace pope {
namespace {

struct CommonFlag {
  std::string flag, help;
};

const std::vector<CommonFlag> kCommonFlags = {
    {"-c, --config FILE", "read settings from a YAML file; may be given several times, later files win"},
    {"--set KEY=VALUE", "set one setting; may be given several times, wins over files"},
    {"--label TEXT", "the method's name in reports (run.label)"},
    {"--seed N", "seed of everything random (run.seed)"},
    {"--json", "print the result as one JSON object on stdout, and nothing else there"},
    {"-h, --help", "this text"},
};

// --label and --seed go with every verb.
std::vector<Shortcut> shortcuts_of(const Verb& verb) {
  std::vector<Shortcut> shortcuts = verb.shortcuts;
  shortcuts.push_back({"--label", "run.label"});
  shortcuts.push_back({"--seed", "run.seed"});
  return shortcuts;
}

bool is_list(const Options& options, const std::string& key) {
  for (const Options::Option& option : options.all()) {
    if (option.key == key) return option.default_text.starts_with('[');
  }
  return false;
}

// Settings that are true or false: the flag alone means true.
bool is_switch(const Options& options, const std::string& key) {
  for (const Options::Option& option : options.all()) {
    if (option.key == key) return std::holds_alternative<bool*>(option.target);
  }
  return false;
}

// The first flag on the command line that the verb does not know, "" when all are known.
std::string unknown_flag(const std::vector<std::string>& arguments, const std::vector<std::string>& known) {
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (!name.starts_with('-') || name == "-" || name == "--") continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) return name;
  }
  return "";
}

const Verb& find_verb(std::span<const Verb* const> verbs, const std::string& name) {
  std::vector<std::string> names;
  for (const Verb* verb : verbs) {
    if (verb->name == name) return *verb;
    names.push_back(verb->name);
  }
  throw UsageError(
      fmt::format("unknown verb '{}'\n  hint: did you mean 'pope {}'? 'pope --help' lists all verbs", name,
                  nearest_of(name, names)));
}

void parse_with(CLI::App& app, const Verb& verb, const std::vector<std::string>& arguments,
                const std::vector<std::string>& known) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them last first
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    const std::string unknown = unknown_flag(arguments, known);
    if (!unknown.empty()) {
      message =
          fmt::format("unknown flag '{}'\n  hint: {}", unknown,
                      unknown == "--seeds" && verb.name == "reproduce"
                          ? "it is --bases (base models) and --rl-seeds (seeds of training from each) now"
                          : fmt::format("did you mean '{}'?", nearest_of(unknown, known)));
    }
    throw UsageError(message + fmt::format("\n  see 'pope {} --help'", verb.name));
  }
}

void check_presence(const CommandLine& line) {
  const Verb& verb = *line.verb;
  const bool many = verb.arguments.ends_with("...");
  const bool optional = verb.arguments.starts_with('[');
  if (!verb.arguments.empty() && !optional && line.arguments.empty()) {
    throw UsageError(fmt::format("expected {}, got none\n  see 'pope {} --help'", verb.arguments, verb.name));
  }
  const auto words = 1 + std::count(verb.arguments.begin(), verb.arguments.end(), ' ');
  if (!many && std::ssize(line.arguments) > words) {
    throw UsageError(fmt::format("expected one {}, got also '{}'\n  see 'pope {} --help'", verb.arguments,
                                 line.arguments[static_cast<std::size_t>(words)], verb.name));
  }
  if (verb.needs_out && line.out.empty()) {
    throw UsageError(
        fmt::format("expected --out {}: where the results go\n  see 'pope {} --help'", verb.out, verb.name));
  }
}

// A flag given several times makes a list; for other settings the last one counts.
void apply_shortcut(Options& options, const Shortcut& shortcut, const std::vector<std::string>& values) {
  if (values.empty()) return;
  if (!is_list(options, shortcut.key)) {
    options.set_literal(shortcut.key, values.back(), shortcut.flag);
    return;
  }
  options.set(shortcut.key, dump(Json(values)), shortcut.flag);
}

std::string help_of(const Options& options, const std::string& key) {
  for (const Options::Option& option : options.all()) {
    if (option.key == key) return option.help;
  }
  return "";
}

}  // namespace

CommandLine parse_command_line(std::span<const Verb* const> verbs, std::vector<std::string> arguments,
                               Options& options) {
  CommandLine line;
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    line.help = true;
    return line;
  }
  if (arguments[0] == "--version") {
    line.version = true;
    return line;
  }
  line.verb = &find_verb(verbs, arguments[0]);
  arguments.erase(arguments.begin());

  CLI::App app;
  std::vector<std::string> files, assignments, known = {"-c", "--config", "--set", "--json", "-h", "--help"};
  std::string out;
  std::map<std::string, std::vector<std::string>> given;  // by key
  app.add_option("-c,--config", files)->allow_extra_args(false);
  app.add_option("--set", assignments)->allow_extra_args(false);
  app.add_flag("--json", line.json);
  app.add_option("--out", out);
  known.push_back("--out");
  const std::vector<Shortcut> shortcuts = shortcuts_of(*line.verb);
  for (const Shortcut& shortcut : shortcuts) {
    std::vector<std::string>& values = given[shortcut.key];
    if (is_switch(options, shortcut.key)) {
      app.add_flag_callback(shortcut.flag, [&values] { values = {"true"}; });
    } else {
      app.add_option(shortcut.flag, values)->allow_extra_args(false);
    }
    known.push_back(shortcut.flag);
  }
  if (!line.verb->arguments.empty()) app.add_option("arguments", line.arguments);
  try {
    parse_with(app, *line.verb, arguments, known);
  } catch (const CLI::CallForHelp&) {
    line.help = true;
    return line;
  }
  line.out = out;
  check_presence(line);
  for (const std::string& file : files) options.load_yaml(file);
  for (const std::string& assignment : assignments) options.set_assignment(assignment);
  for (const Shortcut& shortcut : shortcuts) apply_shortcut(options, shortcut, given[shortcut.key]);
  return line;
}

std::string program_help(std::span<const Verb* const> verbs) {
  std::string text =
      "pope: reinforcement learning of language models on problems that they cannot solve yet.\n\n"
      "Usage: pope VERB [flags]\n\nVerbs:\n";
  for (const Verb* verb : verbs) text += fmt::format("  {:<10}{}\n", verb->name, verb->summary);
  text +=
      "\nStart here (MODEL: a Hugging Face directory or a .gguf file):\n"
      "  pope mine   --model MODEL --problems problems.jsonl --out runs/mine      which problems are hard?\n"
      "  pope guide  --model MODEL --problems runs/mine/hard.jsonl --out runs/guide\n"
      "  pope train  --model MODEL --problems runs/guide/guided.jsonl --out runs/train\n"
      "  pope eval   --model runs/train/model --problems runs/mine/hard.jsonl --out runs/eval\n"
      "  pope report runs/train runs/eval --out report.html\n"
      "\nA command that was killed goes on where it was when it is given again.\n"
      "'pope VERB --help' shows what a verb reads, does and leaves, and all its settings.\n";
  return text;
}

std::string verb_help(const Verb& verb, const Options& options) {
  std::string text = fmt::format("pope {}: {}\n\nUsage: pope {}{}{}{} [flags]\n\n{}\n\nFlags:\n", verb.name,
                                 verb.summary, verb.name, verb.arguments.empty() ? "" : " ", verb.arguments,
                                 verb.needs_out ? " --out " + verb.out : "", verb.description);
  const auto flag_line = [&](const std::string& flag, const std::string& help) {
    text += fmt::format("  {:<20} {}\n", flag, help);
  };
  for (const Shortcut& shortcut : verb.shortcuts) {
    flag_line(shortcut.flag + (is_switch(options, shortcut.key) ? "" : " VALUE"),
              fmt::format("{} ({})", help_of(options, shortcut.key), shortcut.key));
  }
  flag_line("--out " + verb.out, verb.needs_out || verb.out == "DIR"
                                     ? "where the results go"
                                     : "where the file goes, if one is wanted");
  for (const CommonFlag& common : kCommonFlags) flag_line(common.flag, common.help);
  text += "\nSettings, with their defaults:\n";
  constexpr std::size_t kColumn = 36, kLeastValue = 12;
  for (const Options::Option& option : options.all()) {
    const std::string section = option.key.substr(0, option.key.find('.'));
    if (std::find(verb.sections.begin(), verb.sections.end(), section) == verb.sections.end()) continue;
    const std::size_t key = option.key.size() + 3;
    const std::size_t room = key + kLeastValue < kColumn ? kColumn - key : kLeastValue;
    const std::string value = shortened(option.default_text, room);  // wordings are long
    text += fmt::format("  {:<{}} {}\n", option.key + " = " + value, kColumn, option.help);
  }
  return text;
}

}  // namespace pope
