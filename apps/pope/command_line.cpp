// Parsing is CLI11's; which flags there are comes from the verb, and what they mean from Options.
#include "pope/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <utility>

#include "core/chars.h"
#include "core/error.h"
#include "core/nearest.h"

namespace pope {
namespace {

const std::vector<std::pair<std::string, std::string>> kCommonFlags = {
    {"-c, --config FILE", "read settings from a YAML file; may be given several times, later files win"},
    {"--set KEY=VALUE", "set one setting; may be given several times, wins over files"},
    {"--json", "print the result as one JSON object on stdout, and nothing else there"},
    {"-h, --help", "this text"},
};

// --label and --seed go with every verb that reads them.
std::vector<Shortcut> shortcuts_of(const Verb& verb) {
  std::vector<Shortcut> shortcuts = verb.shortcuts;
  for (const Shortcut& common :
       {Shortcut{"--label", "run.label", "TEXT"}, Shortcut{"--seed", "run.seed", "N"}}) {
    if (names_key(verb.keys, common.key)) shortcuts.push_back(common);
  }
  return shortcuts;
}

// Settings that are true or false: the flag alone means true.
bool is_switch(const Options::Option& option) { return std::holds_alternative<bool*>(option.target()); }

const Options::Option& option_of(const Options& options, const Shortcut& shortcut) {
  const Options::Option* option = options.find(shortcut.key);
  if (option == nullptr) throw Error("command line", shortcut.flag + ": no setting " + shortcut.key);
  return *option;
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
      fmt::format("unknown verb '{}'\n  hint: {}\n  see 'pope --help'", name, did_you_mean(name, names)));
}

// What to give in place of a flag that the verb does not know: `--seeds`, where reproduce.bases was
// reproduce.seeds once.
std::string flag_hint(const Verb& verb, const Options& options, const std::string& flag,
                      const std::vector<std::string>& known) {
  std::vector<std::string> now;
  for (const Shortcut& shortcut : shortcuts_of(verb)) {
    for (std::string old : option_of(options, shortcut).old_keys()) {
      std::replace(old.begin(), old.end(), '_', '-');
      if (flag == "--" + old.substr(old.rfind('.') + 1)) now.push_back(shortcut.flag);
    }
  }
  return now.empty() ? did_you_mean(flag, known) : "it is " + listed(now) + " now";
}

void parse_with(CLI::App& app, const Verb& verb, const Options& options,
                const std::vector<std::string>& arguments, const std::vector<std::string>& known) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them last first
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    const std::string unknown = unknown_flag(arguments, known);
    if (!unknown.empty())
      message =
          fmt::format("unknown flag '{}'\n  hint: {}", unknown, flag_hint(verb, options, unknown, known));
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
  if (!option_of(options, shortcut).is_list()) {
    options.set_literal(shortcut.key, values.back(), shortcut.flag);
    return;
  }
  options.set(shortcut.key, dump(Json(values)), shortcut.flag);
}

// Throws for an assignment to a setting of other verbs: it would do nothing.
void require_read(std::span<const Verb* const> verbs, const Verb& verb, const Options& options,
                  const std::string& assignment) {
  const std::string key = assignment.substr(0, assignment.find('='));
  if (options.find(key) == nullptr || names_key(verb.keys, key)) return;
  std::vector<std::string> readers;
  for (const Verb* other : verbs) {
    if (names_key(other->keys, key)) readers.push_back(other->name);
  }
  const std::string section = key.substr(0, key.find('.')) + ".";
  const bool reads_section = std::any_of(verb.keys.begin(), verb.keys.end(), [&](const std::string& pattern) {
    return pattern.starts_with(section);
  });
  throw Error("config",
              fmt::format("--set: pope {} does not read {}", verb.name, reads_section ? key : section + "*"),
              fmt::format("{} is for pope {}; files (-c) may hold settings of other verbs, too", key,
                          listed(readers)));
}

// Whether the setting of a shortcut has a value, from wherever it came.
bool is_given(const Options& options, const Shortcut& shortcut) {
  const std::string value = option_of(options, shortcut).value_text();
  return value != "\"\"" && value != "[]";
}

std::string with_value(const Shortcut& shortcut) { return shortcut.flag + " " + shortcut.value; }

// What must be given and is one of several: "--problems FILE", "--eval-set NAME=FILE".
std::vector<std::string> alternatives(const Verb& verb) {
  std::vector<std::string> flags;
  for (const Shortcut& shortcut : verb.shortcuts) {
    if (shortcut.need == Need::one_of) flags.push_back(with_value(shortcut));
  }
  return flags;
}

void check_needs(const Verb& verb, const Options& options) {
  const std::vector<std::string> any = alternatives(verb);
  bool has_any = any.empty();
  for (const Shortcut& shortcut : verb.shortcuts) {
    const bool given = is_given(options, shortcut);
    has_any = has_any || (shortcut.need == Need::one_of && given);
    if (shortcut.need == Need::required && !given)
      throw UsageError(fmt::format("expected {}: {}\n  see 'pope {} --help'", with_value(shortcut),
                                   option_of(options, shortcut).help(), verb.name));
  }
  if (!has_any)
    throw UsageError(fmt::format("expected {}\n  see 'pope {} --help'", listed(any, "or"), verb.name));
}

std::string usage(const Verb& verb) {
  std::string text = "pope " + verb.name;
  if (!verb.arguments.empty()) text += " " + verb.arguments;
  for (const Shortcut& shortcut : verb.shortcuts) {
    if (shortcut.need == Need::required) text += " " + with_value(shortcut);
  }
  if (const auto any = alternatives(verb); !any.empty()) text += fmt::format(" ({})", fmt::join(any, " | "));
  text += verb.needs_out ? " --out " + verb.out : " [--out " + verb.out + "]";
  return text + " [flags]";
}

std::string flag_lines(const Verb& verb, const Options& options) {
  std::string text;
  const auto line = [&](const std::string& flag, const std::string& help) {
    text += fmt::format("  {:<22} {}\n", flag, help);
  };
  for (const Shortcut& shortcut : shortcuts_of(verb)) {
    const Options::Option& option = option_of(options, shortcut);
    line(is_switch(option) ? shortcut.flag : with_value(shortcut),
         fmt::format("{}{} ({})", option.help(), option.is_list() ? "; may be given several times" : "",
                     shortcut.key));
  }
  line("--out " + verb.out, verb.needs_out || verb.out == "DIR" ? "where the results go"
                                                                : "where the file goes, if one is wanted");
  for (const auto& [flag, help] : kCommonFlags) line(flag, help);
  return text;
}

// A line per setting that the verb reads, an empty line before each section.
std::string setting_lines(const Verb& verb, const Options& options) {
  constexpr std::size_t kColumn = 36, kLeastValue = 12;
  std::string text, open;
  for (const Options::Option& option : options.all()) {
    if (!names_key(verb.keys, option.key())) continue;
    const std::string section = option.key().substr(0, option.key().find('.'));
    if (!open.empty() && section != open) text += "\n";
    open = section;
    const std::size_t key = option.key().size() + 3;
    const std::size_t room = key + kLeastValue < kColumn ? kColumn - key : kLeastValue;
    const std::string value = shortened(option.default_text(), room);  // wordings are long
    const std::string allowed = option.allowed();
    text += fmt::format("  {:<{}} {}{}\n", option.key() + " = " + value, kColumn, option.help(),
                        allowed.empty() ? "" : " [" + allowed + "]");
  }
  return text;
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
  std::vector<std::string> assignments, known = {"-c", "--config", "--set", "--json", "-h", "--help"};
  std::string out;
  std::map<std::string, std::vector<std::string>> given;  // by key
  app.add_option("-c,--config", line.files)->allow_extra_args(false);
  app.add_option("--set", assignments)->allow_extra_args(false);
  app.add_flag("--json", line.json);
  app.add_option("--out", out);
  known.push_back("--out");
  const std::vector<Shortcut> shortcuts = shortcuts_of(*line.verb);
  for (const Shortcut& shortcut : shortcuts) {
    std::vector<std::string>& values = given[shortcut.key];
    if (is_switch(option_of(options, shortcut))) {
      app.add_flag_callback(shortcut.flag, [&values] { values = {"true"}; });
    } else {
      app.add_option(shortcut.flag, values)->allow_extra_args(false);
    }
    known.push_back(shortcut.flag);
  }
  if (!line.verb->arguments.empty()) app.add_option("arguments", line.arguments);
  try {
    parse_with(app, *line.verb, options, arguments, known);
  } catch (const CLI::CallForHelp&) {
    line.help = true;
    return line;
  }
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();  // as completion writes folders
  line.out = out;
  check_presence(line);
  for (const std::string& file : line.files) options.load_yaml(file);
  for (const std::string& assignment : assignments) {
    require_read(verbs, *line.verb, options, assignment);
    options.set_assignment(assignment);
  }
  for (const Shortcut& shortcut : shortcuts) apply_shortcut(options, shortcut, given[shortcut.key]);
  check_needs(*line.verb, options);
  return line;
}

std::string program_help(std::span<const Verb* const> verbs) {
  std::string text =
      "pope: reinforcement learning of language models on problems that they cannot solve yet.\n\n"
      "Usage: pope VERB [flags]\n";
  for (const auto& [group, title] : {std::pair{VerbGroup::workflow, "The workflow, in this order"},
                                     {VerbGroup::data, "Problems, answers and models"},
                                     {VerbGroup::paper, "The paper's experiments"}}) {
    text += fmt::format("\n{}:\n", title);
    for (const Verb* verb : verbs) {
      if (verb->group == group) text += fmt::format("  {:<10}{}\n", verb->name, verb->summary);
    }
  }
  text +=
      "\nStart here (MODEL: a Hugging Face directory or a .gguf file). Three in ten of the hard problems "
      "are\n"
      "held out, for the evaluation:\n"
      "  pope mine   --model MODEL --problems problems.jsonl --out runs/mine --set mine.heldout=0.3\n"
      "  pope guide  -c runs/mine/config.yaml --problems runs/mine/hard.jsonl --out runs/guide\n"
      "  pope train  -c runs/guide/config.yaml --problems runs/guide/guided.jsonl --out runs/train\n"
      "  pope eval   -c runs/train/config.yaml --model runs/train --problems runs/mine/heldout.jsonl --out "
      "runs/eval\n"
      "  pope report runs/train runs/eval --out report.html\n"
      "\nThe config.yaml of a run takes its settings along (-c).\n"
      "A command that was stopped (Ctrl-C) or killed goes on where it was when it is given again.\n"
      "'pope VERB --help' shows what a verb reads, does and leaves, and all its settings.\n";
  return text;
}

std::string verb_help(const Verb& verb, const Options& options) {
  return fmt::format("pope {}: {}\n\nUsage: {}\n\n{}\n\nFlags:\n{}\nSettings, with their defaults:\n{}",
                     verb.name, verb.summary, usage(verb), verb.description, flag_lines(verb, options),
                     setting_lines(verb, options));
}

}  // namespace pope
