// A verb as main() runs it, in the test's own process, so that tests can bring an engine or a server.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "pope/command_line.h"

namespace pope {

// A model folder that holds a tokenizer alone.
inline const std::string kTokenizerFolder = std::string(POPE_SOURCE_DIR) + "/tests/golden/text_smollm";

struct Ran {
  Json result;
  std::string shown;  // what goes to stdout
};
inline Ran run_verb(const std::vector<std::string>& arguments) {
  Settings settings;
  Options options;
  settings.declare(options);
  const CommandLine line = parse_command_line(all_verbs(), arguments, options);
  const Options read = options.only(line.verb->keys);
  const Invocation invocation{settings, read, line.out, line.arguments, line.files};
  read.check();
  if (line.verb->check != nullptr) line.verb->check(invocation);
  Ran ran{line.verb->run(invocation), ""};
  ran.shown = line.verb->show(ran.result);
  if (line.verb->after != nullptr) line.verb->after(ran.result);
  return ran;
}

inline std::vector<Json> rows_of(const std::filesystem::path& file) {
  std::vector<Json> rows;
  read_jsonl(file, [&](Json&& row, std::size_t) { rows.push_back(std::move(row)); });
  return rows;
}

}  // namespace pope
