// Group-relative advantages. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace pope {

// rewards of one group → advantages, same order. `kind`:
//   mean           A_i = r_i − mean(r)                        (Sec. 2, arXiv:2601.18779; Dr. GRPO)
//   mean_std       A_i = (r_i − mean(r)) / (std(r) + 1e-6)    (GRPO, arXiv:2402.03300; std with n − 1)
//   leave_one_out  A_i = r_i − mean(r_j, j ≠ i)               (RLOO, arXiv:2402.14740)
// A group without reward variance gives exact zeros. A group of one: Error (its advantage is undefined).
std::vector<double> advantages(std::span<const double> rewards, const std::string& kind);

}  // namespace pope
