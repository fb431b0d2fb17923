// Declaring, setting and printing options. Parsing YAML is yaml-cpp's work; typing the scalars is ours, and
// strict.
#include "core/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
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
constexpr bool is_vector = false;
template <class T>
constexpr bool is_vector<std::vector<T>> = true;

template <class T>
const char* type_name() {
  if constexpr (std::is_same_v<T, std::string>) return "a text";
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, double>) return "a number";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "an integer of at least 0";
  return "an integer";
}

[[noreturn]] void refuse(const Options::Option& option, const std::string& expected, const std::string& got,
                         std::string_view origin, const std::string& hint) {
  const std::string place = origin.empty() ? "" : std::string(origin) + ": ";
  throw Error(kOperation, place + option.key() + ": expected " + expected + ", got " + got, hint);
}

template <class T>
T read(const Options::Option& option, const YAML::Node& node, std::string_view origin) {
  T value{};
  const bool empty_text = std::is_same_v<T, std::string> && node.IsNull();
  if (!empty_text && !(node.IsScalar() && parse(node.Scalar(), value)))
    refuse(option, type_name<T>(), shown(node), origin, option.help());
  return value;
}

template <class T>
void assign(const Options::Option& option, T& target, const YAML::Node& node, std::string_view origin) {
  T value = read<T>(option, node, origin);
  option.require_allowed(value, origin);
  target = std::move(value);
}

template <class T>
void assign(const Options::Option& option, std::vector<T>& target, const YAML::Node& node,
            std::string_view origin) {
  std::vector<T> values;
  if (node.IsSequence()) {
    for (const YAML::Node& item : node) values.push_back(read<T>(option, item, origin));
  } else if (node.IsScalar() && !node.Scalar().empty()) {
    values.push_back(read<T>(option, node, origin));  // "8" is as good as "[8]"
  } else {
    refuse(option, "a list such as [a, b]", shown(node), origin, option.help());
  }
  option.require_allowed(values, origin);
  target = std::move(values);
}

// The map under `key`, entry by entry.
template <class Take>
void each_entry(const Options::Option& option, const std::string& key, const YAML::Node& map,
                std::string_view origin, const Take& take) {
  if (!map.IsMap()) {
    const std::string place = origin.empty() ? "" : std::string(origin) + ": ";
    throw Error(kOperation, place + key + ": expected a map, got " + shown(map), option.help());
  }
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string name = entry.first.Scalar();
    if (!seen.insert(name).second)
      throw Error(kOperation, std::string(origin) + ": key '" + key + "." + name + "' stands here twice");
    take(name, entry.second);
  }
}

void assign(const Options::Option& option, Options::Entries& target, const YAML::Node& node,
            std::string_view origin) {
  Options::Entries given;
  each_entry(option, option.key(), node, origin, [&](const std::string& name, const YAML::Node& entry) {
    auto& fields = given[name];
    const std::string key = option.key() + "." + name;
    each_entry(option, key, entry, origin, [&](const std::string& field, const YAML::Node& value) {
      if (!value.IsScalar())
        throw Error(kOperation,
                    std::string(origin) + ": " + key + "." + field + ": expected a text, got " + shown(value),
                    option.help());
      fields[field] = value.Scalar();
    });
  });
  for (auto& [name, fields] : given) target.insert_or_assign(name, std::move(fields));
}

void assign_node(const Options::Option& option, const YAML::Node& node, std::string_view origin) {
  std::visit([&](auto* target) { assign(option, *target, node, origin); }, option.target());
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

// A flow map: JSON, which YAML reads.
std::string yaml_text(const Options::Entries& entries) {
  Json map = Json::object();
  for (const auto& [name, fields] : entries) {
    Json& entry = map[name] = Json::object();
    for (const auto& [field, text] : fields) entry[field] = text;
  }
  return dump(map);
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

bool is_section(const std::vector<Options::Option>& options, const std::string& key) {
  return std::any_of(options.begin(), options.end(),
                     [&](const auto& o) { return o.key().starts_with(key + "."); });
}

std::string name_of(const std::string& key) { return parts_of(key).back(); }

// "the keys of train are mode, steps and keep".
std::string keys_of_section(const std::vector<Options::Option>& options, const std::string& section) {
  std::vector<std::string> names;
  for (const Options::Option& option : options) {
    if (option.key().starts_with(section + ".")) names.push_back(option.key().substr(section.size() + 1));
  }
  return "the keys of " + section + " are " + listed(names);
}

// How to give an entry of a table of the user's own whose path was taken for a key; "" where `key` is none.
std::string entry_hint(const std::vector<Options::Option>& options, const std::string& key) {
  for (const Options::Option& option : options) {
    if (!std::holds_alternative<Options::Entries*>(option.target()) || !key.starts_with(option.key() + "."))
      continue;
    const std::vector<std::string> path = parts_of(key.substr(option.key().size() + 1));
    std::string value = "...";
    for (auto part = path.rbegin(); part != path.rend(); ++part) value = "{" + *part + ": " + value + "}";
    return option.key() + " is one setting, a map: --set '" + option.key() + "=" + value + "' (" +
           option.help() + ")";
  }
  return "";
}

// What an unknown key may have meant: a near one of its section, the key of that name in another section, a
// near one anywhere; else what there is.
std::string suggestion(const std::vector<Options::Option>& options, const std::string& key) {
  const std::size_t dot = key.rfind('.');
  const std::string prefix = dot == std::string::npos ? "" : key.substr(0, dot + 1);
  const bool known_section = !prefix.empty() && is_section(options, key.substr(0, dot));
  std::vector<std::string> keys, siblings, namesakes, sections;
  for (const Options::Option& option : options) {
    keys.push_back(option.key());
    if (known_section && option.key().starts_with(prefix)) siblings.push_back(name_of(option.key()));
    if (name_of(option.key()) == name_of(key)) namesakes.push_back(option.key());
    const std::string section = parts_of(option.key()).front();
    if (sections.empty() || sections.back() != section) sections.push_back(section);
  }
  std::string near;
  if (known_section) {
    near = nearest_of(name_of(key), siblings);
    if (!near.empty()) near = prefix + near;
  } else {
    near = nearest_of(key, keys);
  }
  if (near.empty() && (prefix.empty() ? !namesakes.empty() : namesakes.size() == 1)) near = namesakes.front();
  if (!near.empty()) return "did you mean '" + near + "'?";
  if (known_section) return keys_of_section(options, prefix.substr(0, prefix.size() - 1));
  return "the sections are " + listed(sections);
}

[[noreturn]] void unknown_key(const Options& options, std::string_view key, std::string_view origin) {
  const std::string name(key);
  if (is_section(options.all(), name))
    throw Error(kOperation, std::string(origin) + ": " + name + " is a section, expected one of its settings",
                keys_of_section(options.all(), name));
  if (const std::string hint = entry_hint(options.all(), name); !hint.empty())
    throw Error(kOperation, std::string(origin) + ": unknown key '" + name + "'", hint);
  std::vector<std::string> now;
  for (const Options::Option& option : options.all()) {
    const auto& old = option.old_keys();
    if (std::find(old.begin(), old.end(), key) != old.end()) now.push_back(option.key());
  }
  throw Error(kOperation, std::string(origin) + ": unknown key '" + name + "'",
              now.empty() ? suggestion(options.all(), name) : "it is " + listed(now) + " now");
}

// Walks a map of a YAML file. `path` is the file, `prefix` the sections above ("train.").
void load_map(const Options& options, const YAML::Node& map, const std::string& path,
              const std::string& prefix) {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const std::string key = prefix + entry.first.Scalar();
    const std::string origin = path + ":" + std::to_string(entry.first.Mark().line + 1);
    if (!seen.insert(key).second) throw Error(kOperation, origin + ": key '" + key + "' stands here twice");
    if (const Options::Option* option = options.find(key)) {
      assign_node(*option, entry.second, origin);
    } else if (entry.second.IsMap()) {
      load_map(options, entry.second, path, key + ".");  // an unknown section shows at its first key
    } else if (!is_section(options.all(), key)) {
      unknown_key(options, key, origin);
    } else if (!entry.second.IsNull()) {
      throw Error(kOperation,
                  origin + ": " + key + ": expected a map of settings, got " + shown(entry.second),
                  keys_of_section(options.all(), key));
    }
  }
}

}  // namespace

Options::Option::Option(std::string key, Target target, std::string help)
    : key_(std::move(key)), target_(target), help_(std::move(help)), default_text_(yaml_text(target)) {}

Options::Option& Options::Option::choices(std::vector<std::string> names) {
  choices_ = std::move(names);
  return *this;
}

Options::Option& Options::Option::at_least(double least) {
  least_ = least;
  above_ = false;
  return *this;
}

Options::Option& Options::Option::above(double bound) {
  least_ = bound;
  above_ = true;
  return *this;
}

Options::Option& Options::Option::at_most(double most) {
  most_ = most;
  below_ = false;
  return *this;
}

Options::Option& Options::Option::below(double bound) {
  most_ = bound;
  below_ = true;
  return *this;
}

Options::Option& Options::Option::or_just(double value) {
  or_just_ = value;
  return *this;
}

Options::Option& Options::Option::distinct() {
  distinct_ = true;
  return *this;
}

Options::Option& Options::Option::form(std::function<bool(const std::string&)> holds, std::string what) {
  holds_ = std::move(holds);
  form_ = std::move(what);
  return *this;
}

Options::Option& Options::Option::renamed_from(std::string old_key) {
  old_keys_.push_back(std::move(old_key));
  return *this;
}

Options::Option& Options::Option::may_change() {
  on_resume_ = OnResume::any;
  return *this;
}

Options::Option& Options::Option::may_grow() {
  on_resume_ = OnResume::larger;
  return *this;
}

Options::Option& Options::Option::by_content() {
  on_resume_ = OnResume::same_content;
  return *this;
}

bool Options::Option::is_list() const {
  return std::holds_alternative<std::vector<int>*>(target_) ||
         std::holds_alternative<std::vector<double>*>(target_) ||
         std::holds_alternative<std::vector<std::string>*>(target_);
}

std::string Options::Option::value_text() const { return yaml_text(target_); }

std::string Options::Option::allowed() const {
  if (!choices_.empty()) return fmt::format("{}", fmt::join(choices_, " | "));
  if (holds_) return form_;
  const bool lower = std::isfinite(least_), upper = std::isfinite(most_);
  std::string text;
  if (lower && upper && !above_ && !below_) {
    text = fmt::format("{} to {}", least_, most_);
  } else {
    if (lower) text = fmt::format("{} {}", above_ ? "above" : "at least", least_);
    if (upper) text += fmt::format("{}{} {}", lower ? " and " : "", below_ ? "below" : "at most", most_);
  }
  if (or_just_) text += fmt::format(", or {}", *or_just_);
  if (distinct_) text += ", none twice";
  return text;
}

bool Options::Option::within_bounds(double value) const {
  if (or_just_ && value == *or_just_) return true;
  const bool high_enough = above_ ? value > least_ : value >= least_;
  return high_enough && (below_ ? value < most_ : value <= most_);
}

template <class T>
void Options::Option::require_allowed(const T& value, std::string_view origin) const {
  if constexpr (is_vector<T>) {
    for (auto at = value.begin(); at != value.end(); ++at) {
      require_allowed(*at, origin);
      if (distinct_ && std::find(value.begin(), at, *at) != at)
        refuse(*this, "no value twice", yaml_text(value), origin, help_);
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!choices_.empty() && std::find(choices_.begin(), choices_.end(), value) == choices_.end()) {
      const std::string near = nearest_of(value, choices_);
      refuse(*this, listed(choices_, "or"), "'" + value + "'", origin,
             near.empty() ? help_ : "did you mean '" + near + "'?");
    }
    if (holds_ && !holds_(value)) refuse(*this, form_, "'" + value + "'", origin, help_);
  } else if constexpr (!std::is_same_v<T, bool> && !std::is_same_v<T, Entries>) {
    const bool bounded = std::isfinite(least_) || std::isfinite(most_);
    if (bounded && !within_bounds(static_cast<double>(value)))
      refuse(*this, allowed(), yaml_text(value), origin, help_);
  }
}

Options::Option& Options::declare(std::string_view key, Target target, std::string_view help) {
  std::string full = prefix_ + std::string(key);
  if (find(full) != nullptr) throw Error("Options", "key '" + full + "' is declared twice");
  return options_.emplace_back(std::move(full), target, std::string(help));
}

const Options::Option* Options::find(std::string_view key) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.key() == key; });
  return found == options_.end() ? nullptr : &*found;
}

void Options::set_literal(std::string_view key, std::string_view text, std::string_view origin) {
  const Option* option = find(key);
  if (option != nullptr && std::holds_alternative<std::string*>(option->target())) {
    assign_node(*option, YAML::Node(std::string(text)), origin);
  } else {
    set(key, text, origin);
  }
}

void Options::set(std::string_view key, std::string_view text, std::string_view origin) {
  const Option* option = find(key);
  if (option == nullptr) unknown_key(*this, key, origin);
  const bool quoted =
      text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  if (std::holds_alternative<std::string*>(option->target()) && !quoted) {
    assign_node(*option, YAML::Node(std::string(text)), origin);  // "{problem}" is a text here, not a map
    return;
  }
  try {
    assign_node(*option, YAML::Load(std::string(text)), origin);
  } catch (const YAML::Exception& error) {
    throw Error(kOperation, std::string(origin) + ": " + option->key() + ": '" + std::string(text) +
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
    std::vector<std::string> parts = parts_of(option.key());
    const std::string name = std::move(parts.back());
    parts.pop_back();
    std::size_t depth = 0;
    while (depth < std::min(open.size(), parts.size()) && open[depth] == parts[depth]) ++depth;
    for (; depth < parts.size(); ++depth) yaml += std::string(2 * depth, ' ') + parts[depth] + ":\n";
    yaml += std::string(2 * depth, ' ') + name + ": " + option.value_text() + "\n";
    open = std::move(parts);
  }
  return yaml;
}

void Options::check() const {
  for (const Option& option : options_)
    std::visit([&](const auto* value) { option.require_allowed(*value, ""); }, option.target());
  for (const Rule& rule : rules_) rule.check();
}

Options Options::only(const std::vector<std::string>& patterns) const {
  Options part;
  for (const Option& option : options_) {
    if (names_key(patterns, option.key())) part.options_.push_back(option);
  }
  for (const Rule& rule : rules_) {
    const bool read = std::any_of(part.options_.begin(), part.options_.end(),
                                  [&](const Option& o) { return o.key().starts_with(rule.prefix); });
    if (read) part.rules_.push_back(rule);
  }
  return part;
}

bool names_key(const std::vector<std::string>& patterns, std::string_view key) {
  return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) {
    if (!pattern.ends_with(".*")) return pattern == key;
    pattern.remove_suffix(1);
    return key.starts_with(pattern);
  });
}

void refuse_setting(std::string_view key, const std::string& expected, const std::string& got,
                    const std::string& hint) {
  throw Error(kOperation, std::string(key) + ": expected " + expected + ", got " + got, hint);
}

}  // namespace pope
