// `pope reproduce`: the experiments of the paper, run over seeds, and what became of its claims.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/options.h"

namespace pope {

struct ReproduceConfig {
  std::string plan = "configs/paper";  // folder of arms.yaml and the studies
  int seeds = 5;                       // seeds first_seed … first_seed + seeds − 1
  int workers = 0;                     // runs at a time, a core each; 0 = all cores
  bool quick = false;                  // the plan's quick settings, and at most three seeds
  void fields(Options& options);
};

// Runs what the studies (names, or "all") need by `program` (pope itself) in OUT, judges their claims, and
// writes OUT/report.html. Started again, goes on. → {studies, seeds, jobs, claims: see judge_all, held,
// did_not_hold, not_decidable, report}.
Json reproduce(const ReproduceConfig& config, const std::vector<std::string>& studies,
               std::uint64_t first_seed, const std::filesystem::path& program,
               const std::filesystem::path& out);

}  // namespace pope
