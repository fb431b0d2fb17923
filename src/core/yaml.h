// YAML documents: as one list of dotted keys, or as a tree.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/files.h"

namespace pope {

// {"train.lr", "1e-4"}, {"eval.pass_at", "[1, 8]"}, …: every scalar and list in order of the document. Error
// naming `origin` when the text is no valid YAML.
std::vector<std::pair<std::string, std::string>> flatten_yaml(const std::string& yaml,
                                                              const std::string& origin);

// The document in a file as objects, arrays and strings: scalars keep their spelling. Error naming the file.
Json read_yaml(const std::filesystem::path& path);

}  // namespace pope
