// Attempts in turn: run, judge, go on with the bases that none has passed yet. OUT/base-B/gate.json holds
// {"conditions": […], "attempts": [{"attempt", "values", "failed": [ids]}], "passed": name or null}.
#include "reproduce/gate.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "reproduce/measure.h"

namespace pope {
namespace {

namespace fs = std::filesystem;

constexpr auto kOperation = "reproduce";

Json conditions_of(const BaseGate& gate) {
  Json all = Json::array();
  for (const BaseCondition& one : gate.conditions)
    all.push_back({{"id", one.id},
                   {"claim", one.text},
                   {"metric", one.metric},
                   {one.above ? "above" : "below", one.bound}});
  return all;
}

// The point values of an attempt's evaluation, and which conditions they do not meet.
Json judged(const BaseGate& gate, const std::string& attempt, const fs::path& base) {
  Json values = Json::object(), failed = Json::array();
  for (const BaseCondition& condition : gate.conditions) {
    const fs::path run = base / ("gate-" + attempt);
    const auto value = measure_final(run, condition.metric);
    if (!value)
      throw Error(
          kOperation,
          fmt::format("gate: condition {}: {} has no {}", condition.id, run.string(), condition.metric),
          "the gate's eval section names the sets and the samples");
    values[condition.id] = value->value;
    const bool met = condition.above ? value->value > condition.bound : value->value < condition.bound;
    if (!met) failed.push_back(condition.id);
  }
  return {{"attempt", attempt}, {"values", values}, {"failed", failed}};
}

class Gates {
 public:
  Gates(const Plan& plan, const Runs& runs) : plan_(plan), gate_(*plan.gate), runs_(runs) {
    for (const std::uint64_t base : runs.bases) {
      states_[base] = {{"conditions", conditions_of(gate_)}, {"attempts", Json::array()}};
      const fs::path file = file_of(base);
      if (!fs::exists(file)) continue;
      const Json stored = read_json(file);
      if (stored.at("conditions") != states_[base]["conditions"])
        throw Error(kOperation, file.string() + " was decided by other conditions than those of arms.yaml",
                    "choose another --out");
      states_[base] = stored;
    }
  }

  // The jobs of the `count` first attempts of bases that are not decided, and of all attempts that decided
  // ones took, so that their settings are checked again.
  std::vector<Job> jobs(std::size_t count) const {
    std::vector<Job> jobs;
    for (const auto& [base, state] : states_) {
      if (!decided(base) && state["attempts"].size() + 1 < count)
        continue;  // an earlier attempt's run failed
      const std::size_t attempts = decided(base) ? state["attempts"].size() : count;
      std::vector<std::string> names;
      for (std::size_t i = 0; i < attempts; ++i) names.push_back("gate-" + gate_.attempts[i]);
      add_jobs(jobs, plan_.with_inputs(names), runs_, base);
    }
    return jobs;
  }

  // Judges attempt number `at` where it was evaluated. A run that failed decides nothing, so its base stays
  // open.
  void judge(std::size_t at) {
    const std::string& attempt = gate_.attempts[at];
    for (auto& [base, state] : states_) {
      const fs::path folder = runs_.base(base);
      if (decided(base) || state["attempts"].size() != at ||
          !fs::exists(folder / ("gate-" + attempt) / "result.json"))
        continue;
      const Json one = judged(gate_, attempt, folder);
      state["attempts"].push_back(one);
      const bool passed = one["failed"].empty();
      if (!passed && at + 1 < gate_.attempts.size()) continue;
      state["passed"] = passed ? Json(attempt) : Json();
      write_file(file_of(base), dump(state, 2) + "\n");
    }
  }

  bool decided(std::uint64_t base) const { return states_.at(base).contains("passed"); }
  bool all_decided() const {
    return std::all_of(runs_.bases.begin(), runs_.bases.end(), [&](std::uint64_t b) { return decided(b); });
  }

  void report(GateOutcome& outcome) const {
    for (const auto& [base, state] : states_) {
      if (!decided(base)) continue;
      Json gate = state;
      gate["base"] = base;
      outcome.gates.push_back(gate);
      if (state["passed"].is_string()) {
        outcome.passed[base] = state["passed"];
        continue;
      }
      Json values = Json::object();
      for (const Json& attempt : state["attempts"])
        values[attempt["attempt"].get<std::string>()] = attempt["values"];
      outcome.rejected.push_back({{"base", base}, {"values", values}});
    }
  }

 private:
  fs::path file_of(std::uint64_t base) const { return runs_.base(base) / "gate.json"; }

  const Plan& plan_;
  const BaseGate& gate_;
  const Runs& runs_;
  std::map<std::uint64_t, Json> states_;  // as in gate.json; "passed" once decided
};

}  // namespace

GateOutcome run_gate(const Plan& plan, const Runs& runs, const RunJobs& run) {
  GateOutcome outcome;
  Gates gates(plan, runs);
  for (std::size_t i = 0; i < plan.gate->attempts.size() && (i == 0 || !gates.all_decided()); ++i) {
    outcome.jobs.add(run(gates.jobs(i + 1)));
    gates.judge(i);
  }
  gates.report(outcome);
  return outcome;
}

}  // namespace pope
