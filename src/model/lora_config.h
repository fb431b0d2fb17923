// The settings of LoRA. Free of libtorch, so that the command line can include it.
#pragma once

#include <string>
#include <vector>

#include "core/options.h"

namespace pope {

// Hu et al., arXiv 2106.09685. Names and meanings are those of PEFT's LoraConfig.
struct LoraConfig {
  static constexpr auto kSection = "lora";
  int rank = 0;                      // r; 0: all weights are trained
  double alpha = 32;                 // what is added is multiplied by alpha / rank
  std::vector<std::string> targets;  // linear layers by name ("q_proj"); empty: all of the blocks
  void fields(Options& options);
};

}  // namespace pope
