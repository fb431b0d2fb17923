// YAML documents of nested maps as one list of dotted keys.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pope {

// {"train.lr", "1e-4"}, {"eval.pass_at", "[1, 8]"}, …: every scalar and list in order of the document. Error
// naming `origin` when the text is no valid YAML.
std::vector<std::pair<std::string, std::string>> flatten_yaml(const std::string& yaml,
                                                              const std::string& origin);

}  // namespace pope
