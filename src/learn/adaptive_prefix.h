// Guidance whose length follows success, problem by problem (in the manner of AdaPrefix-GRPO,
// arXiv:2607.07674, and G²RPO-A, arXiv:2508.13023). The part f of the solution that a guided prompt tells
// begins at that of the problem's guidance. After each group with mean reward r
//   of a guided draw:    f ← f + step·(target − r), kept in [0, max_fraction]
//   of an unguided one:  f ← f·(1 − r)
// so that guidance is withdrawn as the problem is solved without. A guided draw shows the prefix nearest to
// f, or none where f is nearer to nothing: where that fails, guidance comes back.
#pragma once

#include <filesystem>
#include <memory>

#include "learn/config.h"
#include "learn/curriculum.h"

namespace pope {

// f after a group with mean reward r.
double next_fraction(const AdaptiveConfig& config, double f, double r, bool guided_draw);

// Draws that show no guidance count in the set "unguided". Error: no guided problem has a solution and
// guidance that is a part of it.
std::unique_ptr<Curriculum> make_adaptive_prefix(const TrainJob& job, const Mixture& mixture,
                                                 const std::filesystem::path& run);

}  // namespace pope
