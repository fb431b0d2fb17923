// What a claim compares, read from the runs of one base.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files.h"
#include "reproduce/jobs.h"
#include "reproduce/plan.h"

namespace pope {

// A metric of an arm:
//   final/SET/guided|unguided/pass@K
//     of the evaluation after training
//   final/SET/guided|unguided/overlap/MEASURE
//     overlap above that by chance
//   reach/X/KEY
//     rollouts of hard problems until KEY of metrics.jsonl, the mean of its last 3 rows, is at least X; where
//     it never is, all of the run's. Its mean over runs is that within a budget ("restricted mean survival
//     time"): two arms can be compared only where the budget is the same.
//   at/N/KEY
//     the value of KEY in the last row until which at most N rollouts were sampled: those of Term::spent, of
//     training and of evolutions. Nothing where the run has fewer than 95 % of N.
//   drop/KEY
//     how far KEY ends below its best: the best mean of 3 rows in a row, minus that of the last 3
//   KEY
//     of metrics.jsonl, its mean over a window
// The mean over the arm's runs in the base: its RL seeds, and its repeats.
struct Measurement {
  double value = 0;
  std::vector<double> runs;  // the value of each, RL seed by RL seed
  int problems = 0;          // of final/…: how many
  double budget = 0;         // of reach/X/KEY: all hard rollouts of a run
};

// Error where `metric` begins with final/ or reach/ and is malformed. `where` names the claim.
void check_metric(const std::string& where, const std::string& metric);
// Whether it is measured over a window of training.
bool has_window(const std::string& metric);
// Whether its values are fractions: pass@k, rewards, shares of problems.
bool is_fraction(const std::string& metric);

// The folders of the runs behind a term: of their evaluations for final/… metrics. `complete`: all are.
std::vector<std::filesystem::path> folders_of(const Runs& runs, std::uint64_t base, const Term& term);
bool complete(const Runs& runs, std::uint64_t base, const Term& term);

// Windows of a run of T steps, by number t = 1 … T: start t ≤ 0.1 T, early 0.15 T < t ≤ 0.35 T, middle
// 0.4 T < t ≤ 0.6 T, late t > 0.8 T, all. The mean over the rows that have the metric.
// Nothing where no row has the metric; Error when a run is missing or incomplete.
std::optional<Measurement> measure(const Runs& runs, std::uint64_t base, const Term& term);

// A final/… metric of one evaluation; nothing where it has no such set, or fewer samples than k.
std::optional<Measurement> measure_final(const std::filesystem::path& evaluation, const std::string& metric);

}  // namespace pope
