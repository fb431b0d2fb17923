// The command that goes on from what a verb left, whole, to be pasted into a shell.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "pope/verb.h"

namespace pope {

// A word as a shell takes it: in quotes where it needs them.
std::string shell_word(const std::string& word);

// "pope VERB -c … FLAG VALUE … --out …": `verb` with the settings of the run that `result` tells of. They go
// along by its config.yaml, behind the files that were given, which may hold those of `verb`. Problems of the
// run itself are in pope's own form, so that columns that were named are set back. --out: a folder beside the
// run, named after `verb`, that is not there yet.
std::string next_command(const Invocation& invocation, const Json& result, const std::string& verb,
                         const std::vector<std::pair<std::string, std::string>>& flags);

// "pope report RUN… --out PAGE": of a run and of those whose models and problems it comes from, the first in
// front. PAGE: beside the run, a name that no file has.
std::string report_command(const std::filesystem::path& run);

}  // namespace pope
