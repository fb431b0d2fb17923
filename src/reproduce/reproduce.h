// `pope reproduce`: the experiments of the paper, run over base models and RL seeds, and what became of its
// claims.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/options.h"

namespace pope {

struct ReproduceConfig {
  static constexpr auto kSection = "reproduce";
  std::string plan = "configs/paper";  // folder of arms.yaml and the studies
  int bases = 5;                       // base seeds first_base … first_base + bases − 1
  int rl_seeds = 3;                    // of arms that say `rl_seeds: all`
  int workers = 0;                     // runs at a time, a core each; 0 = all cores
  bool quick = false;                  // the plan's quick settings, at most three bases and one RL seed
  bool plan_only = false;              // what would run and be judged, with its power; nothing runs
  void fields(Options& options);
};

// Runs what the studies (names, or "all") need by `program` (pope itself) in OUT, judges their claims, and
// writes OUT/claims.json, OUT/paper.md and OUT/report.html. Started again, goes on.
// → {studies, bases, rl_seeds, quick, jobs, arms: [{arm, label, verb, lr, runs}], gates, rejected: [{base,
// values}], failures: [{job, log}], skipped, claims: see judge_all, held, did_not_hold, undecided,
// not_testable, report, paper}. The name "rates" alone runs the arms that say `grid: true` once per rate: see
// rate_grid. With plan_only → {studies, bases, rl_seeds, jobs, plan: [what stated() gives]}.
Json reproduce(const ReproduceConfig& config, const std::vector<std::string>& studies,
               std::uint64_t first_base, const std::filesystem::path& program,
               const std::filesystem::path& out);

}  // namespace pope
