// The grid is made of copies of the arms' own steps, under other names and with another learning rate.
#include "reproduce/rates.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "reproduce/measure.h"

namespace pope {
namespace {

// pass@1 tells rates apart where pass@32 is at its ceiling.
constexpr auto kHard = "final/hard/unguided/pass@1", kHeldout = "final/heldout/unguided/pass@1";

std::string name_of(const Arm& arm, const std::string& rate) { return arm.name + "-lr-" + rate; }

// The value in each base with complete runs; empty where they do not measure it: no such set, or fewer
// samples.
std::vector<double> over_bases(const Runs& runs, const Term& term) {
  std::vector<double> values;
  for (const std::uint64_t base : runs.bases) {
    if (!complete(runs, base, term)) continue;
    const auto measured = measure(runs, base, term);
    if (!measured) return {};
    values.push_back(measured->value);
  }
  return values;
}

Json mean_of(const std::vector<double>& values) {
  if (values.empty()) return Json();
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::vector<Step> rate_grid(const Plan& plan) {
  std::vector<Step> grid;
  std::vector<std::string> read;
  for (const auto& [name, arm] : plan.arms) {
    for (const std::string& rate : arm.grid ? plan.rates : std::vector<std::string>()) {
      for (const std::string& run : {name, "eval-" + name}) {
        Step step = plan.step(run);
        const bool trains = run == name;
        step.name = step.out = (trains ? "" : "eval-") + name_of(arm, rate);
        step.label += ", lr " + rate;
        override_settings(step.settings, {trains ? std::pair<std::string, std::string>("optimizer.lr", rate)
                                                 : std::pair<std::string, std::string>(
                                                       "paths.model", "@" + name_of(arm, rate) + "/model")});
        for (const std::string& other : references(step)) {
          if (other != name_of(arm, rate)) read.push_back(other);
        }
        grid.push_back(std::move(step));
      }
    }
  }
  if (grid.empty())
    throw Error("reproduce", "expected a grid of learning rates in arms.yaml, found none",
                "give it rates: [1.0e-4, 3.0e-4], and grid: true to the arms that are to have it");
  std::vector<Step> steps = plan.with_inputs(read);
  steps.insert(steps.end(), grid.begin(), grid.end());
  return steps;
}

Json rate_table(const Plan& plan, const Runs& runs) {
  Json table = Json::array();
  for (const auto& [name, arm] : plan.arms) {
    if (!arm.grid) continue;
    Json rows = Json::array(), best;
    double most = -1;
    for (const std::string& rate : plan.rates) {
      const auto measured = [&](const char* metric) {
        return over_bases(runs, {name, metric, "", {name_of(arm, rate)}, arm.all_rl});
      };
      const std::vector<double> on_hard = measured(kHard);
      const Json hard = mean_of(on_hard);
      rows.push_back({{"rate", rate},
                      {"hard", hard},
                      {"heldout", mean_of(measured(kHeldout))},
                      {"bases", on_hard.size()}});
      if (!hard.is_number() || hard.get<double>() < most) continue;
      best = hard.get<double>() > most ? Json(rate) : Json();  // none is best of equal ones
      most = hard;
    }
    table.push_back({{"arm", name}, {"label", arm.label}, {"best", best}, {"rows", rows}});
  }
  return table;
}

}  // namespace pope
