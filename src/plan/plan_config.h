// What `pope plan` is told beside the settings of a run.
#pragma once

#include <string>

#include "core/options.h"

namespace pope {

struct PlanConfig {
  static constexpr auto kSection = "plan";
  int prompt_tokens = 2048;   // the longest prompt; the paper's limit
  int completion_tokens = 0;  // a completion's mean length, for time; 0 = sampling.max_new_tokens
  int processes = 1;          // of the run, each on hardware of its own; the plan is that of one
  double signal = 1;          // part of the groups that is learned from
  std::string hardware = "all";
  double tflops = 0;     // hardware=cpu: TFLOP/s of large products there; 0 = as measured elsewhere
  double bandwidth = 0;  // hardware=cpu: GB/s at which it reads memory; 0 likewise
  void fields(Options& options);
};

}  // namespace pope
