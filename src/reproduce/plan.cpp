// Reading configs/paper. See plan.h.
#include "reproduce/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/nearest.h"
#include "core/yaml.h"
#include "reproduce/entry.h"
#include "reproduce/measure.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";
const std::vector<std::string> kArmKeys = {"label", "verb",   "model",    "config", "set",
                                           "eval",  "repeat", "evaluate", "quick"};

const Json& section(const Json& file, const std::string& name) {
  static const Json kNone = Json::object();
  return file.contains(name) ? file.at(name) : kNone;
}

// Later settings win, in the place of the first.
void override_settings(std::vector<std::pair<std::string, std::string>>& settings,
                       const std::vector<std::pair<std::string, std::string>>& later) {
  for (const auto& [key, value] : later) {
    const auto same = [&key = key](const auto& setting) { return setting.first == key; };
    const auto found = std::find_if(settings.begin(), settings.end(), same);
    if (found != settings.end()) {
      found->second = value;
    } else {
      settings.emplace_back(key, value);
    }
  }
}

class Reader {
 public:
  Reader(const fs::path& folder, bool quick) : folder_(folder), quick_(quick) {}

  std::vector<Step> steps() {
    const fs::path path = folder_ / "arms.yaml";
    const Json file = read_yaml(path);
    const Entry top(path.string(), file, {"config", "quick", "steps", "train", "eval", "arms"});
    for (const std::string& name : top.list("config")) common_.push_back(resolved(name));
    if (quick_) quick_settings_ = top.settings("quick");
    std::vector<Step> found;
    for (const auto& [name, value] : section(file, "steps").items())
      found.push_back(plain(path, name, value));
    const Json &train = section(file, "train"), &eval = section(file, "eval");
    for (const auto& [name, value] : section(file, "arms").items()) {
      const int repeat =
          static_cast<int>(Entry(path.string() + ": arms." + name, value, kArmKeys).number("repeat", 0));
      if (repeat > 0) repeats[name] = repeat;
      for (int i = repeat > 0 ? 1 : 0; i <= repeat; ++i) {
        for (Step& step : arm(path, name, i, value, train, eval)) found.push_back(std::move(step));
      }
    }
    return ordered(std::move(found));
  }

  Study study(const fs::path& path) const {
    const Json file = read_yaml(path);
    const Entry top(path.string(), file, {"title", "claims", "figures"});
    Study study{path.stem(), top.text("title"), {}, {}};
    if (!section(file, "claims").is_array())
      throw Error(kOperation, path.string() + ": expected a list of claims");
    int number = 0;
    std::set<std::string> ids;
    for (const Json& value : file["claims"]) {
      study.claims.push_back(claim(fmt::format("{}: claim {}", path.string(), ++number), value));
      if (!ids.insert(study.claims.back().id).second)
        throw Error(kOperation,
                    fmt::format("{}: the id '{}' stands twice", path.string(), study.claims.back().id));
    }
    if (!file.contains("figures")) return study;
    number = 0;
    for (const Json& value : file["figures"])
      study.figures.push_back(figure(fmt::format("{}: figure {}", path.string(), ++number), value));
    return study;
  }

  std::map<std::string, int> repeats;

 private:
  std::string resolved(const std::string& file) const { return (folder_ / file).lexically_normal().string(); }

  void take_config(const Entry& entry, Step& step) const {
    for (const std::string& file : entry.list("config")) step.config.push_back(resolved(file));
    override_settings(step.settings, entry.settings("set"));
    if (quick_) override_settings(step.settings, entry.settings("quick"));
  }

  Step plain(const fs::path& path, const std::string& name, const Json& value) const {
    const Entry entry(path.string() + ": steps." + name, value,
                      {"verb", "argument", "out", "config", "set", "quick"});
    Step step{name,    entry.text("verb"), "", entry.text("argument", ""), entry.text("out", name),
              common_, quick_settings_};
    if (!step.argument.empty() && !step.argument.starts_with('@')) step.argument = resolved(step.argument);
    take_config(entry, step);
    return step;
  }

  // An arm is a training run and its evaluation; an arm with `model` is only evaluated, one with
  // `evaluate: false` only trained. `number`: of a repeated arm, which "{i}" in its settings stands for; else
  // 0.
  std::vector<Step> arm(const fs::path& path, std::string name, int number, const Json& value,
                        const Json& train, const Json& eval) const {
    const Entry entry(path.string() + ": arms." + name, value, kArmKeys);
    const std::string label = entry.text("label");
    if (number > 0) name += fmt::format("-{}", number);
    Step evaluation{"eval-" + name, "eval", label, "", "eval-" + name, common_, quick_settings_};
    take_config(Entry(path.string() + ": eval", eval, {"config", "set"}), evaluation);
    override_settings(evaluation.settings, entry.settings("eval"));
    override_settings(evaluation.settings, {{"paths.model", entry.text("model", "@" + name + "/model")}});
    if (entry.has("model")) return {evaluation};
    Step training{name, entry.text("verb", "train"), label, "", name, common_, quick_settings_};
    if (training.verb == "train")
      take_config(Entry(path.string() + ": train", train, {"config", "set"}), training);
    take_config(entry, training);
    for (auto& [key, setting] : training.settings) {
      for (std::size_t at = setting.find("{i}"); number > 0 && at != std::string::npos;
           at = setting.find("{i}"))
        setting.replace(at, 3, std::to_string(number));
    }
    if (entry.text("evaluate", "true") == "false") return {training};
    return {training, evaluation};
  }

  Term term(const std::string& text, const std::string& metric) const {
    const std::size_t at = text.find('@');
    Term term{text.substr(0, at), metric, at == std::string::npos ? "" : text.substr(at + 1), {}};
    const auto found = repeats.find(term.arm);
    if (found == repeats.end()) term.runs = {term.arm};
    for (int i = 1; found != repeats.end() && i <= found->second; ++i)
      term.runs.push_back(fmt::format("{}-{}", term.arm, i));
    return term;
  }

  Claim claim(const std::string& where, const Json& value) const {
    const Entry entry(where, value, {"id", "claim", "metric", "of", "minus", "times", "above", "below"});
    Claim claim{entry.text("id"), entry.text("claim")};
    if (claim.id.empty() || claim.id.find('/') != std::string::npos)
      throw Error(kOperation, fmt::format("{}: expected an id without '/', got '{}'", where, claim.id));
    check_metric(where, entry.text("metric"));
    claim.left = term(entry.text("of"), entry.text("metric"));
    if (entry.has("minus")) claim.right = term(entry.text("minus"), entry.text("metric"));
    claim.times = entry.number("times", 1);
    claim.above = entry.has("above");
    if (claim.above == entry.has("below"))
      throw Error(kOperation, where + ": expected one of above and below");
    claim.bound = entry.number(claim.above ? "above" : "below", 0);
    set_window(where, claim.left);
    if (claim.right) set_window(where, *claim.right);
    return claim;
  }

  static void set_window(const std::string& where, Term& term) {
    static const std::set<std::string> kWindows = {"start", "early", "middle", "late", "all"};
    const bool windowless = term.metric.starts_with("final/") || term.metric.starts_with("reach/");
    if (term.window.empty() && !windowless) term.window = "all";
    if (windowless ? !term.window.empty() : !kWindows.contains(term.window)) {
      throw Error(kOperation, fmt::format("{}: no window '{}' of {}", where, term.window, term.metric),
                  "ARM@start, early, middle, late or all; none for final/… and reach/… metrics");
    }
  }

  Figure figure(const std::string& where, const Json& value) const {
    const Entry entry(where, value, {"title", "x", "y", "arms"});
    Figure figure{entry.text("title"), entry.text("x", ""), entry.text("y"), {}};
    for (const std::string& name : entry.list("arms")) figure.arms.push_back(term(name, figure.y));
    return figure;
  }

  // Every step after those it refers to.
  static std::vector<Step> ordered(std::vector<Step> steps) {
    std::vector<Step> out;
    std::map<std::string, int> state;  // 1: being placed, 2: placed
    std::map<std::string, const Step*> by_name;
    for (const Step& step : steps) {
      if (!by_name.emplace(step.name, &step).second)
        throw Error(kOperation, "the name '" + step.name + "' stands twice in arms.yaml");
    }
    const auto place = [&](const auto& self, const Step& step) -> void {
      int& mark = state[step.name];
      if (mark == 2) return;
      if (mark == 1)
        throw Error(kOperation, "step '" + step.name + "' reads its own output, by way of others");
      mark = 1;
      for (const std::string& name : references(step)) {
        const auto found = by_name.find(name);
        if (found == by_name.end())
          throw Error(kOperation, fmt::format("step '{}' reads '@{}', which is no step", step.name, name));
        self(self, *found->second);
      }
      state[step.name] = 2;
      out.push_back(step);
    };
    for (const Step& step : steps) place(place, step);
    return out;
  }

  fs::path folder_;
  bool quick_;
  std::vector<std::string> common_;  // config files of every step
  std::vector<std::pair<std::string, std::string>> quick_settings_;
};

template <class Named>
const Named& find(const std::vector<Named>& all, const std::string& name, const std::string& what) {
  std::vector<std::string> names;
  for (const Named& one : all) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  throw Error(kOperation, fmt::format("no {} '{}'", what, name),
              fmt::format("did you mean '{}'?", nearest_of(name, names)));
}

}  // namespace

const Step& Plan::step(const std::string& name) const { return find(steps, name, "step"); }
const Study& Plan::study(const std::string& name) const { return find(studies, name, "study"); }

std::vector<Step> Plan::needed(const std::vector<Study>& chosen) const {
  std::set<std::string> names;
  const auto add = [&](const auto& self, const std::string& name) -> void {
    if (!names.insert(name).second) return;
    for (const std::string& reference : references(step(name))) self(self, reference);
  };
  const auto add_runs = [&](const Term& term) {
    for (const std::string& run : term.runs) {
      const bool evaluated = std::any_of(steps.begin(), steps.end(),
                                         [&](const Step& step) { return step.name == "eval-" + run; });
      // Of an arm that is never evaluated there is only the training run.
      add(add, evaluated || term.metric.starts_with("final/") ? "eval-" + run : run);
    }
  };
  for (const Study& study : chosen) {
    for (const Claim& claim : study.claims) {
      add_runs(claim.left);
      if (claim.right) add_runs(*claim.right);
    }
    for (const Figure& figure : study.figures) {
      for (const Term& term : figure.arms) add_runs(term);
    }
  }
  std::vector<Step> out;
  for (const Step& step : steps) {
    if (names.contains(step.name)) out.push_back(step);
  }
  return out;
}

std::vector<std::string> references(const Step& step) {
  std::set<std::string> names;
  const auto note = [&](const std::string& name) {
    names.insert(name);
    return name;
  };
  for (const auto& [key, value] : step.settings) {
    if (may_refer(key)) with_references(value, note);
  }
  with_references(step.argument, note);
  return {names.begin(), names.end()};
}

bool may_refer(const std::string& key) { return key.starts_with("paths.") || key.ends_with("model"); }

std::string with_references(const std::string& text,
                            const std::function<std::string(const std::string& name)>& output) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t mark = std::min(text.find('@', at), text.size());
    out += text.substr(at, mark - at);
    if (mark == text.size()) break;
    at = std::min(text.find_first_of("/,]\" ", mark), text.size());
    out += output(text.substr(mark + 1, at - mark - 1));
  }
  return out;
}

Plan read_plan(const fs::path& folder, bool quick) {
  if (!fs::exists(folder / "arms.yaml")) {
    throw Error(kOperation, "expected arms.yaml in " + folder.string() + ", found none",
                "run it in pope's source folder, or set reproduce.plan to a folder like its configs/paper");
  }
  Reader reader(folder, quick);
  Plan plan{reader.steps(), {}, {}};
  plan.repeats = reader.repeats;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml" && entry.path().stem() != "arms") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) plan.studies.push_back(reader.study(file));
  plan.needed(plan.studies);  // every claim is about arms that exist
  return plan;
}

}  // namespace pope
