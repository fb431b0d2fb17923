// A verb of the command line. A new verb is one file that defines a Verb, and one line in the table in
// main.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/options.h"
#include "pope/settings.h"

namespace pope {

// What main.cpp has parsed: settings resolved from default, files (-c) and --set, in that order.
struct Invocation {
  Settings& settings;
  Options& options;                    // of the verb's sections
  std::filesystem::path out;           // --out; empty when not given
  std::vector<std::string> arguments;  // positional ones
};

// A flag that is short for --set KEY=VALUE.
struct Shortcut {
  std::string flag;  // "--model"
  std::string key;   // "paths.model"
};

struct Verb {
  std::string name;
  std::string summary;      // one line for `pope --help`
  std::string description;  // for `pope VERB --help`: what it reads, does and leaves; an example
  std::string arguments;    // "", one ("CONFIG.json"), one or none ("[FILE]"), one and more ("RUN...")
  std::vector<Shortcut> shortcuts;
  std::vector<std::string>
      sections;             // config sections it reads: listed by `pope VERB --help`, kept in the run
  std::string out = "DIR";  // what --out names: "DIR", "FILE.jsonl"
  bool needs_out = true;
  // Does the work; the result is printed as JSON under --json, and by `show` as text for people otherwise.
  Json (*run)(const Invocation&);
  std::string (*show)(const Json& result);
  // Where set: looks at the result once it is printed; an Error makes the exit code 1.
  void (*after)(const Json& result) = nullptr;
};

extern const Verb mine_verb, guide_verb, train_verb, sft_verb, eval_verb, report_verb, problems_verb,
    init_verb, export_verb, verify_verb, reproduce_verb, collect_verb, pairs_verb, prompt_verb;

}  // namespace pope
