// Reads the folder, orders the steps, and picks those that a selection of studies needs.
#include "reproduce/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/nearest.h"
#include "reproduce/read_arms.h"
#include "reproduce/read_study.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

template <class Named>
const Named& find(const std::vector<Named>& all, const std::string& name, const std::string& what) {
  std::vector<std::string> names;
  for (const Named& one : all) {
    if (one.name == name) return one;
    names.push_back(one.name);
  }
  throw Error(kOperation, fmt::format("no {} '{}'", what, name), did_you_mean(name, names));
}

// Every step after those it refers to.
std::vector<Step> ordered(const std::vector<Step>& steps) {
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
    if (mark == 1) throw Error(kOperation, "step '" + step.name + "' reads its own output, by way of others");
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

// fig3 before fig10: by what stands before the number, then by the number.
bool in_order(const fs::path& a, const fs::path& b) {
  const auto key = [](const fs::path& path) {
    const std::string name = path.stem();
    const std::size_t digits = std::min(name.find_first_of("0123456789"), name.size());
    return std::tuple(name.substr(0, digits), std::atoi(name.c_str() + digits), name);
  };
  return key(a) < key(b);
}

// What the gate's attempts and their evaluations read, and these themselves, mean by "@NAME" the step of that
// name: the gate is not decided yet. They come first, so that whatever passed is before those that read it.
void settle_gate(Plan& plan) {
  if (!plan.gate) return;
  std::vector<std::string> names;
  for (const std::string& attempt : plan.gate->attempts) {
    if (!plan.step(attempt).arm.empty())
      throw Error(kOperation, "gate: expected steps as attempts, got the arm '" + attempt + "'");
    names.push_back("gate-" + attempt);
  }
  std::set<std::string> before;
  for (const Step& step : plan.with_inputs(names)) {
    before.insert(step.name);
    if (!step.arm.empty())
      throw Error(kOperation, fmt::format("gate: expected steps alone, but it reads the arm '{}'", step.arm));
  }
  for (Step& step : plan.steps) {
    step.literal = before.contains(step.name);
    if (step.literal) continue;
    for (const std::string& name : references(step)) {
      const auto at = std::find(plan.gate->attempts.begin(), plan.gate->attempts.end(), name);
      if (at != plan.gate->attempts.end() && at != plan.gate->attempts.begin())
        throw Error(kOperation, fmt::format("step '{}' reads '@{}', an attempt at the gate", step.name, name),
                    "'@" + plan.gate->attempts.front() + "' is the attempt that passed, whichever it is");
    }
  }
  std::stable_partition(plan.steps.begin(), plan.steps.end(), [](const Step& step) { return step.literal; });
}

}  // namespace

const Step& Plan::step(const std::string& name) const { return find(steps, name, "step"); }
const Study& Plan::study(const std::string& name) const { return find(studies, name, "study"); }

bool Plan::evaluated(const std::string& run) const {
  return std::any_of(steps.begin(), steps.end(),
                     [&](const Step& step) { return step.name == "eval-" + run; });
}

std::vector<Step> Plan::with_inputs(const std::vector<std::string>& wanted) const {
  std::set<std::string> names;
  const auto add = [&](const auto& self, const std::string& name) -> void {
    if (!names.insert(name).second) return;
    for (const std::string& reference : references(step(name))) self(self, reference);
  };
  for (const std::string& name : wanted) add(add, name);
  std::vector<Step> out;
  std::copy_if(steps.begin(), steps.end(), std::back_inserter(out),
               [&](const Step& step) { return names.contains(step.name); });
  return out;
}

std::vector<Step> Plan::needed(const std::vector<Study>& chosen) const {
  std::vector<std::string> names;
  const auto add_runs = [&](const Term& term) {
    // Of an arm that is never evaluated there is only the training run.
    for (const std::string& run : term.runs)
      names.push_back(evaluated(run) || term.metric.starts_with("final/") ? "eval-" + run : run);
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
  return with_inputs(names);
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

Plan read_plan(const fs::path& folder, bool quick) {
  if (!fs::exists(folder / "arms.yaml")) {
    throw Error(kOperation, "expected arms.yaml in " + folder.string() + ", found none",
                "run it in pope's source folder, or set reproduce.plan to a folder like its configs/paper");
  }
  ArmsFile file = read_arms(folder, quick);
  Plan plan = std::move(file.plan);
  plan.steps = ordered(plan.steps);
  settle_gate(plan);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml" && entry.path().stem() != "arms") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(), in_order);
  for (const fs::path& path : files) {
    if (path.stem() == "rates" || path.stem() == "all")
      throw Error(kOperation,
                  path.string() + ": the name is taken: pope reproduce rates, pope reproduce all");
    plan.studies.push_back(read_study(path, plan.arms, file.noise));
  }
  plan.needed(plan.studies);  // every claim on an evaluation is about an arm that is evaluated
  return plan;
}

}  // namespace pope
