// Reading is yaml-cpp's work; here its nodes become lists of keys, or JSON. Scalars stay text.
#include "core/yaml.h"

#include <yaml-cpp/yaml.h>

#include "core/error.h"

namespace pope {
namespace {

void flatten(const YAML::Node& node, const std::string& key,
             std::vector<std::pair<std::string, std::string>>& values) {
  if (node.IsMap()) {
    for (const auto& entry : node) {
      flatten(entry.second, key.empty() ? entry.first.Scalar() : key + "." + entry.first.Scalar(), values);
    }
  } else if (node.IsSequence()) {
    std::string text;
    for (const YAML::Node& item : node) text += (text.empty() ? "" : ", ") + item.Scalar();
    values.emplace_back(key, "[" + text + "]");
  } else {
    values.emplace_back(key, node.IsNull() ? "" : node.Scalar());
  }
}

Json tree(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    // "<<" merges a map or a list of maps; the map's own keys win.
    if (const YAML::Node merged = node["<<"]; merged) {
      for (const Json& map : merged.IsSequence() ? tree(merged) : Json::array({tree(merged)}))
        object.update(map);
    }
    for (const auto& entry : node) {
      if (entry.first.Scalar() != "<<") object[entry.first.Scalar()] = tree(entry.second);
    }
    return object;
  }
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const YAML::Node& item : node) list.push_back(tree(item));
    return list;
  }
  return node.IsNull() ? "" : node.Scalar();
}

}  // namespace

std::vector<std::pair<std::string, std::string>> flatten_yaml(const std::string& yaml,
                                                              const std::string& origin) {
  std::vector<std::pair<std::string, std::string>> values;
  try {
    flatten(YAML::Load(yaml), "", values);
  } catch (const YAML::Exception& error) {
    throw Error("read config", origin + ": no valid YAML: " + error.what());
  }
  return values;
}

Json read_yaml(const std::filesystem::path& path) {
  try {
    return tree(YAML::Load(read_file(path)));
  } catch (const YAML::Exception& error) {
    throw Error("read config", path.string() + ": no valid YAML: " + error.what());
  }
}

}  // namespace pope
