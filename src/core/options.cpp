// Declaring, setting and printing options. Parsing YAML is yaml-cpp's work; typing the scalars is ours, and
// strict.
#include "core/options.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/nearest.h"

namespace pope {
namespace {

constexpr auto kOperation = "config";

// A node as a person would name it, for error messages.
std::string shown(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "'" + node.Scalar() + "'";
  return "nothing";
}

bool parse(const std::string& text, std::string& value) {
  value = text;
  return true;
}

bool parse(const std::string& text, bool& value) {
  value = text == "true";
  return text == "true" || text == "false";
}

template <class Number>
bool parse(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, value);
  bool good = code == std::errc() && stopped == end;
  if constexpr (std::is_floating_point_v<Number>) good = good && std::isfinite(value);
  return good;
}

template <class T>
const char* type_name() {
  if constexpr (std::is_same_v<T, std::string>) return "a text";
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, double>) return "a number";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "an integer of at least 0";
  return "an integer";
}

[[noreturn]] void wrong_type(const Options::Option& option, const std::string& expected,
                             const YAML::Node& node, std::string_view origin) {
  throw Error(kOperation,
              std::string(origin) + ": " + option.key + ": expected " + expected + ", got " + shown(node),
              option.help);
}

template <class T>
void assign(const Options::Option& option, T& target, const YAML::Node& node, std::string_view origin) {
  T value{};
  const bool empty_text = std::is_same_v<T, std::string> && node.IsNull();
  if (!empty_text && !(node.IsScalar() && parse(node.Scalar(), value))) {
    wrong_type(option, type_name<T>(), node, origin);
  }
  target = std::move(value);
}

template <class T>
void assign(const Options::Option& option, std::vector<T>& target, const YAML::Node& node,
            std::string_view origin) {
  std::vector<T> values;
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) assign(option, values.emplace_back(), item, origin);
  } else if (node.IsScalar() && !node.Scalar().empty()) {
    assign(option, values.emplace_back(), node, origin);  // "8" is as good as "[8]"
  } else {
    wrong_type(option, "a list such as [a, b]", node, origin);
  }
  target = std::move(values);
}

void assign_node(const Options::Option& option, const YAML::Node& node, std::string_view origin) {
  std::visit([&](auto* target) { assign(option, *target, node, origin); }, option.target);
}

// Unquoted where every YAML reader takes it as a string, else quoted as in JSON.
std::string yaml_text(const std::string& value) {
  static const std::set<std::string> words = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '/' || c == '=';
  };
  std::string lower = value;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool starts_plain =
      !value.empty() && (std::isalpha(static_cast<unsigned char>(value[0])) != 0 || value[0] == '/');
  if (starts_plain && std::all_of(value.begin(), value.end(), plain) && !words.contains(lower)) return value;
  return dump(Json(value));
}

std::string yaml_text(bool value) { return value ? "true" : "false"; }

template <class Number>
std::string yaml_text(const Number& value) {
  return fmt::format("{}", value);  // doubles: the shortest text that reads back to the same value
}

template <class T>
std::string yaml_text(const std::vector<T>& values) {
  std::string text = "[";
  for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? ", " : "") + yaml_text(values[i]);
  return text + "]";
}

std::string yaml_text(const Options::Target& target) {
  return std::visit([](const auto* value) { return yaml_text(*value); }, target);
}

std::vector<std::string> parts_of(const std::string& key) {
  std::vector<std::string> parts(1);
  for (const char c : key) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

const Options::Option* find(const std::vector<Options::Option>& options, std::string_view key) {
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.key == key; });
  return found == options.end() ? nullptr : &*found;
}

bool is_section(const std::vector<Options::Option>& options, const std::string& key) {
  return std::any_of(options.begin(), options.end(),
                     [&](const auto& o) { return o.key.starts_with(key + "."); });
}

// Keys that there were once, and what is in their place.
const std::map<std::string, std::string, std::less<>> kReplaced = {
    {"reproduce.seeds", "it is reproduce.bases (--bases) and reproduce.rl_seeds (--rl-seeds) now"}};

[[noreturn]] void unknown_key(const Options& options, std::string_view key, std::string_view origin) {
  const auto replaced = kReplaced.find(key);
  throw Error(
      kOperation, std::string(origin) + ": unknown key '" + std::string(key) + "'",
      replaced != kReplaced.end() ? replaced->second : "did you mean '" + options.nearest(key) + "'?");
}

// Walks a map of a YAML file. `path` is the file, `prefix` the sections above ("train.").
void load_map(const Options& options, const YAML::Node& map, const std::string& path,
              const std::string& prefix) {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string key = prefix + entry.first.Scalar();
    const std::string origin = path + ":" + std::to_string(entry.first.Mark().line + 1);
    if (!seen.insert(key).second) throw Error(kOperation, origin + ": key '" + key + "' stands here twice");
    if (const Options::Option* option = find(options.all(), key)) {
      assign_node(*option, entry.second, origin);
    } else if (entry.second.IsMap()) {
      load_map(options, entry.second, path, key + ".");  // an unknown section shows at its first key
    } else if (!is_section(options.all(), key)) {
      unknown_key(options, key, origin);
    } else if (!entry.second.IsNull()) {
      throw Error(kOperation,
                  origin + ": " + key + ": expected a map of settings, got " + shown(entry.second));
    }
  }
}

}  // namespace

void Options::declare(std::string_view key, Target target, std::string_view help) {
  Option option{prefix_ + std::string(key), target, std::string(help), yaml_text(target)};
  if (find(options_, option.key) != nullptr)
    throw Error("Options", "key '" + option.key + "' is declared twice");
  options_.push_back(std::move(option));
}

void Options::set_literal(std::string_view key, std::string_view text, std::string_view origin) {
  const Option* option = find(options_, key);
  if (option != nullptr && std::holds_alternative<std::string*>(option->target)) {
    assign_node(*option, YAML::Node(std::string(text)), origin);
  } else {
    set(key, text, origin);
  }
}

void Options::set(std::string_view key, std::string_view text, std::string_view origin) {
  const Option* option = find(options_, key);
  if (option == nullptr) unknown_key(*this, key, origin);
  const bool quoted =
      text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  if (std::holds_alternative<std::string*>(option->target) && !quoted) {
    assign_node(*option, YAML::Node(std::string(text)), origin);  // "{problem}" is a text here, not a map
    return;
  }
  try {
    assign_node(*option, YAML::Load(std::string(text)), origin);
  } catch (const YAML::Exception& error) {
    throw Error(kOperation, std::string(origin) + ": " + option->key + ": '" + std::string(text) +
                                "' is no YAML value: " + error.msg);
  }
}

void Options::set_assignment(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw Error(kOperation, "--set: expected key=value, got '" + std::string(assignment) + "'");
  }
  set(assignment.substr(0, equals), assignment.substr(equals + 1), "--set");
}

void Options::load_yaml(const std::string& path) {
  YAML::Node root;
  try {
    root = YAML::Load(read_file(path));
  } catch (const YAML::Exception& error) {
    throw Error(kOperation,
                path + ":" + std::to_string(error.mark.line + 1) + ": no valid YAML: " + error.msg);
  }
  if (root.IsNull()) return;
  if (!root.IsMap()) throw Error(kOperation, path + ":1: expected a map of settings, got " + shown(root));
  load_map(*this, root, path, "");
}

std::string Options::to_yaml() const {
  std::string yaml;
  std::vector<std::string> open;  // the sections of the last line
  for (const Option& option : options_) {
    std::vector<std::string> parts = parts_of(option.key);
    const std::string name = std::move(parts.back());
    parts.pop_back();
    std::size_t depth = 0;
    while (depth < std::min(open.size(), parts.size()) && open[depth] == parts[depth]) ++depth;
    for (; depth < parts.size(); ++depth) yaml += std::string(2 * depth, ' ') + parts[depth] + ":\n";
    yaml += std::string(2 * depth, ' ') + name + ": " + yaml_text(option.target) + "\n";
    open = std::move(parts);
  }
  return yaml;
}

Options Options::only(const std::vector<std::string>& sections) const {
  Options part;
  for (const Option& option : options_) {
    const std::string section = parts_of(option.key).front();
    if (std::find(sections.begin(), sections.end(), section) != sections.end())
      part.options_.push_back(option);
  }
  return part;
}

std::string Options::nearest(std::string_view key) const {
  // A key without its section is compared with the last parts, so that "lr" finds "optimizer.lr".
  const bool bare = key.find('.') == std::string_view::npos;
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back(bare ? parts_of(option.key).back() : option.key);
  const std::string name = nearest_of(key, names);
  const auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? "" : options_[static_cast<std::size_t>(at - names.begin())].key;
}

}  // namespace pope
