// Options: the one declaration of every setting. A section struct lists its members once, in
// fields(Options&), with key, reference and help; default, YAML parsing, --set, printing and docs follow.
// Precedence: default < file < --set. Unknown keys are refused with the nearest known key.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pope {

class Options {
 public:
  using Target = std::variant<int*, std::int64_t*, std::uint64_t*, double*, bool*, std::string*,
                              std::vector<int>*, std::vector<double>*, std::vector<std::string>*>;
  struct Option {
    std::string key;  // dotted, "train.lr"
    Target target;    // points into the section struct, which must outlive this object
    std::string help;
    std::string default_text;  // the value at declaration, as YAML
  };

  // Declares one option of the section now open. `help` is one line; say the unit and the choices.
  template <class T>
  void add(std::string_view key, T& value, std::string_view help) {
    declare(key, Target(&value), help);
  }

  // Declares a section: its fields get the prefix "name.".
  template <class Section>
  void section(std::string_view name, Section& section) {
    const std::string outer = prefix_;
    prefix_ += std::string(name) + ".";
    section.fields(*this);
    prefix_ = outer;
  }

  // Sets one option from text as it would stand in YAML ("3", "1e-4", "[1, 8]", "true").
  // Throws Error with the nearest known key when there is none of that name, and when the text has another
  // type. `origin` names where the text came from ("--set", "demo.yaml:12").
  void set(std::string_view key, std::string_view text, std::string_view origin);
  // The same, but a string option takes `text` literally, quotes included.
  void set_literal(std::string_view key, std::string_view text, std::string_view origin);
  // "key=value" as --set takes it.
  void set_assignment(std::string_view assignment);
  // Reads a YAML file of nested maps. Throws Error naming file, line and key.
  void load_yaml(const std::string& path);

  std::string to_yaml() const;  // the resolved values, nested, in declaration order
  // The options of these sections alone, on the same targets.
  Options only(const std::vector<std::string>& sections) const;
  const std::vector<Option>& all() const { return options_; }
  // The known key with the smallest edit distance to `key`.
  std::string nearest(std::string_view key) const;

 private:
  void declare(std::string_view key, Target target, std::string_view help);
  std::string prefix_;
  std::vector<Option> options_;
};

}  // namespace pope
