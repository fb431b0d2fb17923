// Group-relative advantages. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "learn/config.h"

namespace pope {

// rewards of one group → advantages, same order. `kind`:
//   mean           A_i = r_i − mean(r)                        (Sec. 2, arXiv:2601.18779; Dr. GRPO)
//   mean_std       A_i = (r_i − mean(r)) / (std(r) + eps)     (GRPO, arXiv:2402.03300; std with n − 1)
//   leave_one_out  A_i = r_i − mean(r_j, j ≠ i)               (RLOO, arXiv:2402.14740)
//   leave_one_out_std  the same divided by std(r) + eps       (PipelineRL)
//   none           A_i = r_i                                  (no baseline)
// Except for none, a group without reward variance gives exact zeros. A group of one: Error (its baseline is
// undefined).
std::vector<double> advantages(std::span<const double> rewards, const std::string& kind, double eps = 1e-6);

// advantages() of the rewards or, with config.pass_k ≥ 1, of n times the pass@k weights: n, because the
// losses average over the n rollouts where Eq. 6 sums. With advantage none and aggregation seq_sum the loss's
// gradient is Eq. 6 exactly, averaged over prompts; with a baseline it is the paper's "treat them as
// rewards".
std::vector<double> group_advantages(const ObjectiveConfig& config, std::span<const double> rewards);

}  // namespace pope
