// A verb of the command line. A new verb is one file that defines a Verb, and one line in the table in
// verb.cpp.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/options.h"
#include "pope/settings.h"

namespace pope {

// What the command line says (command_line.h): settings resolved from default, files (-c) and --set, in that
// order.
struct Invocation {
  Settings& settings;
  const Options& options;               // those that the verb reads
  std::filesystem::path out;            // --out; empty when not given
  std::vector<std::string> arguments;   // positional ones
  std::vector<std::string> files = {};  // -c, in their order
};

// Whether a flag, or its setting, must be given. one_of: at least one of the verb's flags that say so.
enum class Need { optional, required, one_of };

// A flag that is short for --set KEY=VALUE.
struct Shortcut {
  std::string flag;             // "--model"
  std::string key;              // "paths.model"
  std::string value = "VALUE";  // what stands for the value in help
  Need need = Need::optional;
};

// Where `pope --help` lists a verb.
enum class VerbGroup { workflow, data, paper };

struct Verb {
  std::string name;
  VerbGroup group;
  std::string summary;      // one line for `pope --help`
  std::string description;  // for `pope VERB --help`: what it reads, does and leaves; an example
  std::string arguments;    // "", one ("CONFIG.json"), one or none ("[FILE]"), several or none
                            // ("[convert IN OUT]"), one and more ("RUN...")
  std::vector<Shortcut> shortcuts;
  // The settings that it reads, "run.seed" or "mine.*": listed by `pope VERB --help`, taken from --set, kept
  // in the run. Files may also hold those of other verbs.
  std::vector<std::string> keys;
  std::string out = "DIR";  // what --out names: "DIR", "FILE.jsonl"
  bool needs_out = true;
  // Where set: refuses settings of several sections that cannot go together, before `run` reads anything.
  void (*check)(const Invocation&) = nullptr;
  // Does the work; the result is printed as JSON under --json, and by `show` as text for people otherwise.
  Json (*run)(const Invocation&);
  std::string (*show)(const Json& result);
  // Where set: the command to go on with (next.h), for people; "": there is none.
  std::string (*next)(const Json& result, const Invocation&) = nullptr;
  // Where set: looks at the result once it is printed; an Error makes the exit code 1.
  void (*after)(const Json& result) = nullptr;
};

// The keys of a verb that samples a model: these and `more`.
std::vector<std::string> sampling_keys(std::vector<std::string> more);

std::span<const Verb* const> all_verbs();  // in the order of use

extern const Verb mine_verb, guide_verb, train_verb, sft_verb, eval_verb, report_verb, problems_verb,
    init_verb, export_verb, verify_verb, reproduce_verb, collect_verb, pairs_verb, prompt_verb, doctor_verb,
    evolve_verb, watch_verb, serve_verb, plan_verb, agent_verb;

}  // namespace pope
