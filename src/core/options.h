// Options: the one declaration of every setting. A section struct lists its members once, in
// fields(Options&), with key, reference, help and what a value may be; default, YAML parsing, --set, checks,
// help and printing follow. Precedence: default < file < --set. A value is checked as it is set, rules over
// several values (check_together() of a section) by check(), so both before any work.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pope {

class Options {
 public:
  // Entries of the user's own: name → field → text. Which fields there are is the section's to check. Entries
  // of several files add up; one that is given again replaces the one before.
  using Entries = std::map<std::string, std::map<std::string, std::string>>;
  using Target = std::variant<int*, std::int64_t*, std::uint64_t*, double*, bool*, std::string*,
                              std::vector<int>*, std::vector<double>*, std::vector<std::string>*, Entries*>;

  // One setting. add() returns it, so that what its value may be is said in the same expression:
  //   o.add("steps", steps, "training steps").at_least(1);
  // For a list, each element must keep to it.
  class Option {
   public:
    Option(std::string key, Target target, std::string help);

    Option& choices(std::vector<std::string> names);  // a text: one of these
    Option& at_least(double least);
    Option& above(double bound);
    Option& at_most(double most);
    Option& below(double bound);
    Option& range(double least, double most) { return at_least(least).at_most(most); }
    Option& or_just(double value);  // allowed, too, though out of bounds: "0 = off"
    Option& distinct();             // a list: no element twice
    // A text for which `holds`; `what` says in words what that is: "NAME=FILE".
    Option& form(std::function<bool(const std::string&)> holds, std::string what);
    // A key that this one has replaced: it is refused, and the error names the new one.
    Option& renamed_from(std::string old_key);
    // What a run that goes on (core/run_dir.h) may be given instead of the value it was begun with: by
    // default nothing else. Any value, where it has no say in what was computed but for rounding;
    Option& may_change();
    // a larger one, by which the run is longer, also where it had ended;
    Option& may_grow();
    // another path to the same content.
    Option& by_content();
    enum class OnResume { same, any, larger, same_content };

    const std::string& key() const { return key_; }    // dotted, "train.steps"
    const Target& target() const { return target_; }   // in the section struct, which must outlive this
    const std::string& help() const { return help_; }  // one line, with the unit
    const std::string& default_text() const { return default_text_; }  // as YAML
    const std::vector<std::string>& old_keys() const { return old_keys_; }
    OnResume on_resume() const { return on_resume_; }
    bool is_list() const;
    std::string value_text() const;  // the value now, as YAML
    // What a value may be: "at least 1", "sync | streaming"; "" when the type says it all.
    std::string allowed() const;
    // Error that names `origin`, where it is not empty: the value is not allowed. T: the target's type.
    template <class T>
    void require_allowed(const T& value, std::string_view origin) const;

   private:
    bool within_bounds(double value) const;

    std::string key_;
    Target target_;
    std::string help_, default_text_;
    std::vector<std::string> choices_, old_keys_;
    double least_ = -std::numeric_limits<double>::infinity();
    double most_ = std::numeric_limits<double>::infinity();
    bool above_ = false, below_ = false;  // least_, most_ themselves are not allowed
    std::optional<double> or_just_;
    bool distinct_ = false;
    std::function<bool(const std::string&)> holds_;
    std::string form_;
    OnResume on_resume_ = OnResume::same;
  };

  // Declares one option of the section now open. The reference that it returns is good until the next one.
  template <class T>
  Option& add(std::string_view key, T& value, std::string_view help) {
    return declare(key, Target(&value), help);
  }

  // Declares a section: its fields get the prefix "name.", which is Section::kSection where none is given.
  template <class Section>
  void section(std::string_view name, Section& section) {
    const std::string outer = prefix_;
    prefix_ += std::string(name) + ".";
    section.fields(*this);
    if constexpr (requires { section.check_together(); })
      rules_.push_back({prefix_, [&section] { section.check_together(); }});
    prefix_ = outer;
  }
  template <class Section>
  void section(Section& section) {
    this->section(Section::kSection, section);
  }

  // Sets one option from text as it would stand in YAML ("3", "1e-4", "[1, 8]", "true").
  // Throws Error for an unknown key (with a near one where there is one), text of another type, and a value
  // that is not allowed. `origin` names where the text came from ("--set", "demo.yaml:12").
  void set(std::string_view key, std::string_view text, std::string_view origin);
  // The same, but a string option takes `text` literally, quotes included.
  void set_literal(std::string_view key, std::string_view text, std::string_view origin);
  // "key=value" as --set takes it.
  void set_assignment(std::string_view assignment);
  // Reads a YAML file of nested maps. Throws Error naming file, line and key.
  void load_yaml(const std::string& path);
  // Error: a value that is not allowed, or values of a section that cannot go together.
  void check() const;

  std::string to_yaml() const;  // the resolved values, nested, in declaration order
  // The options that `patterns` name, on the same targets, and the rules of their sections.
  Options only(const std::vector<std::string>& patterns) const;
  const std::vector<Option>& all() const { return options_; }
  const Option* find(std::string_view key) const;  // null: unknown

 private:
  struct Rule {
    std::string prefix;  // of its section
    std::function<void()> check;
  };
  Option& declare(std::string_view key, Target target, std::string_view help);
  std::string prefix_;
  std::vector<Option> options_;
  std::vector<Rule> rules_;
};

// Whether one of `patterns` names the key: "train.steps", or "train.*" for a whole section.
bool names_key(const std::vector<std::string>& patterns, std::string_view key);

// Throws the Error of a setting that does not go with others: "[config] KEY: expected EXPECTED, got GOT".
[[noreturn]] void refuse_setting(std::string_view key, const std::string& expected, const std::string& got,
                                 const std::string& hint = "");

// Throws Error unless the values of a section are allowed and go together. For those who fill one by hand.
template <class Section>
requires requires { Section::kSection; }
void check(Section section) {
  Options options;
  options.section(section);
  options.check();
}

}  // namespace pope
