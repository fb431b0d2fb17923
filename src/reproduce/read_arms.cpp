// One reader per file: its members are what all entries share.
#include "reproduce/read_arms.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/yaml.h"
#include "reproduce/entry.h"
#include "reproduce/measure.h"
#include "reproduce/read_study.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";
constexpr std::string_view kPlanFile = "@plan/";  // a file beside arms.yaml
const std::vector<std::string> kArmKeys = {"label",  "verb",     "model", "config",   "set",  "eval",
                                           "repeat", "evaluate", "quick", "rl_seeds", "grid", "spent"};
// Of `train` and `eval`, which all arms share.
const std::vector<std::string> kSharedKeys = {"config", "set", "quick"};

class Reader {
 public:
  Reader(const fs::path& folder, bool quick) : folder_(folder), path_(folder / "arms.yaml"), quick_(quick) {}

  ArmsFile read() {
    const Json file = read_yaml(path_);
    const Entry top(path_.string(), file,
                    {"config", "steps", "gate", "train", "eval", "arms", "noise", "rates", "baseline"});
    for (const std::string& name : top.list("config")) common_.push_back(resolved(name));
    ArmsFile found;
    if (top.has("noise")) found.noise = top.number("noise", 0);
    if (found.noise && *found.noise <= 0)
      throw Error(kOperation, path_.string() + ": expected noise > 0, got " + top.text("noise"));
    found.plan.rates = rates(top);
    for (const auto& [name, value] : section_of(file, "steps").items())
      found.plan.steps.push_back(plain(name, value));
    if (file.contains("gate")) found.plan.gate = gate(file["gate"], found.plan.steps);
    for (const auto& [name, value] : section_of(file, "arms").items()) {
      const Json &train = section_of(file, "train"), &eval = section_of(file, "eval");
      found.plan.arms[name] = arm(name, value, train, eval, found.plan.steps);
    }
    found.plan.baseline = top.text("baseline", "");
    if (!found.plan.baseline.empty() && !found.plan.arms.contains(found.plan.baseline))
      throw Error(kOperation, path_.string() + ": baseline: no arm '" + found.plan.baseline + "'");
    return found;
  }

 private:
  std::string resolved(const std::string& file) const { return (folder_ / file).lexically_normal().string(); }

  std::vector<std::string> rates(const Entry& top) const {
    std::vector<std::string> rates = top.list("rates");
    for (const std::string& rate : rates) {
      if (const auto number = number_in(rate); !number || *number <= 0)
        throw Error(kOperation, path_.string() + ": rates: expected numbers above 0, got '" + rate + "'");
    }
    return rates;
  }

  void take_config(const Entry& entry, Step& step) const {
    for (const std::string& file : entry.list("config")) step.config.push_back(resolved(file));
    override_settings(step.settings, entry.settings("set"));
    if (quick_) override_settings(step.settings, entry.settings("quick"));
    for (auto& [key, value] : step.settings)
      if (may_refer(key) && value.starts_with(kPlanFile)) value = resolved(value.substr(kPlanFile.size()));
  }

  Step plain(const std::string& name, const Json& value) const {
    const Entry entry(path_.string() + ": steps." + name, value,
                      {"verb", "argument", "out", "config", "set", "quick"});
    Step step{name, entry.text("verb"), "", entry.text("argument", ""), entry.text("out", name), common_};
    if (!step.argument.empty() && !step.argument.starts_with('@')) step.argument = resolved(step.argument);
    take_config(entry, step);
    return step;
  }

  // Adds the evaluation of each attempt to the steps.
  BaseGate gate(const Json& value, std::vector<Step>& steps) const {
    const std::string where = path_.string() + ": gate";
    const Entry entry(where, value, {"attempts", "conditions", "eval"});
    BaseGate gate{entry.list("attempts"), {}};
    if (gate.attempts.empty()) throw Error(kOperation, where + ": expected attempts: a list of steps");
    if (!entry.has("conditions") || !value["conditions"].is_array() || value["conditions"].empty())
      throw Error(kOperation, where + ": expected a list of conditions");
    for (const Json& one : value["conditions"]) {
      const Entry condition(fmt::format("{}: condition {}", where, gate.conditions.size() + 1), one,
                            {"id", "claim", "metric", "above", "below"});
      const auto [side, bound] = read_bound(condition, false);
      gate.conditions.push_back({condition.text("id"), condition.text("claim"), condition.text("metric"),
                                 side == Side::above, bound});
      if (!gate.conditions.back().metric.starts_with("final/"))
        throw Error(kOperation, condition.where() + ": expected a final/… metric, got '" +
                                    gate.conditions.back().metric + "'");
      check_metric(condition.where(), gate.conditions.back().metric);
    }
    for (const std::string& attempt : gate.attempts) {
      Step step{"gate-" + attempt, "eval", "", "", "gate-" + attempt, common_};
      take_config(Entry(where + ".eval", section_of(value, "eval"), kSharedKeys), step);
      override_settings(step.settings, {{"paths.model", "@" + attempt + "/model"}});
      steps.push_back(std::move(step));
    }
    return gate;
  }

  // An arm is a training run and its evaluation; an arm with `model` is only evaluated, one with
  // `evaluate: false` only trained.
  Arm arm(const std::string& name, const Json& value, const Json& train, const Json& eval,
          std::vector<Step>& steps) const {
    const Entry entry(path_.string() + ": arms." + name, value, kArmKeys);
    Arm arm{name, entry.text("label"), {}};
    arm.all_rl = entry.has("rl_seeds");
    if (arm.all_rl && entry.text("rl_seeds") != "all")
      throw Error(kOperation,
                  fmt::format("{}.rl_seeds: expected all, got '{}'", entry.where(), entry.text("rl_seeds")),
                  "without it an arm has the first RL seed alone");
    arm.grid = entry.flag("grid", false);
    arm.spent = entry.number("spent", 0);
    const int repeat = static_cast<int>(entry.number("repeat", 0));
    if (arm.grid && (repeat > 0 || entry.has("model") || !entry.flag("evaluate", true)))
      throw Error(kOperation, entry.where() +
                                  ": expected an arm that is trained once and evaluated, got "
                                  "grid: true beside repeat, model or evaluate: false");
    for (int i = repeat > 0 ? 1 : 0; i <= repeat; ++i) {
      arm.runs.push_back(i > 0 ? fmt::format("{}-{}", name, i) : name);
      for (Step& step : run(entry, arm, i, train, eval)) steps.push_back(std::move(step));
    }
    return arm;
  }

  // `number`: of a repeated arm, which "{i}" in its settings stands for; else 0.
  std::vector<Step> run(const Entry& entry, const Arm& arm, int number, const Json& train,
                        const Json& eval) const {
    const std::string& name = arm.runs.back();
    Step evaluation{"eval-" + name, "eval", arm.label, "", "eval-" + name, common_, {}, arm.name, arm.all_rl};
    take_config(Entry(path_.string() + ": eval", eval, kSharedKeys), evaluation);
    override_settings(evaluation.settings, entry.settings("eval"));
    override_settings(evaluation.settings, {{"paths.model", entry.text("model", "@" + name + "/model")}});
    if (entry.has("model")) return {evaluation};
    Step training{name, entry.text("verb", "train"), arm.label, "", name, common_, {}, arm.name, arm.all_rl};
    if (training.verb == "train")
      take_config(Entry(path_.string() + ": train", train, kSharedKeys), training);
    take_config(entry, training);
    for (auto& [key, setting] : training.settings) {
      for (std::size_t at = setting.find("{i}"); number > 0 && at != std::string::npos;
           at = setting.find("{i}"))
        setting.replace(at, 3, std::to_string(number));
    }
    if (!entry.flag("evaluate", true)) return {training};
    return {training, evaluation};
  }

  fs::path folder_, path_;
  bool quick_;
  std::vector<std::string> common_;  // config files of every step
};

}  // namespace

ArmsFile read_arms(const fs::path& folder, bool quick) { return Reader(folder, quick).read(); }

}  // namespace pope
