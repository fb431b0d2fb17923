// What a claim compares, read from the runs of one seed.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/files.h"
#include "reproduce/plan.h"

namespace pope {

// A metric of an arm:
//   final/SET/guided|unguided/pass@K
//     of the evaluation after training, with the value of each problem, so that two arms can be compared
//     problem by problem
//   final/SET/guided|unguided/overlap/MEASURE
//     overlap above that by chance
//   reach/X/KEY
//     rollouts of hard problems until KEY of metrics.jsonl, the mean of its last 3 rows, is at least X; where
//     it never is, all of the run's. Its mean over runs is that within a budget ("restricted mean survival
//     time"): two arms can be compared only where the budget is the same.
//   KEY
//     of metrics.jsonl, its mean over a window
// Of an arm with several runs the mean, with the value of each run.
struct Measurement {
  double value = 0;
  std::map<std::string, double> by_problem;
  double budget = 0;  // of reach/X/KEY: all hard rollouts of a run
};

// Error where `metric` begins with final/ or reach/ and is malformed. `where` names the claim.
void check_metric(const std::string& where, const std::string& metric);

// Windows of a run of T steps, by number t = 1 … T: start t ≤ 0.1 T, early 0.15 T < t ≤ 0.35 T, middle
// 0.4 T < t ≤ 0.6 T, late t > 0.8 T, all. The mean over the rows that have the metric.
// `seed` is OUT/seed-N. Nothing where no row has the metric; Error when the run is missing or incomplete.
std::optional<Measurement> measure(const std::filesystem::path& seed, const Term& term);

}  // namespace pope
