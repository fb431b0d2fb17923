// Guidance where a group fails, found while training (in the manner of GHPO, arXiv:2507.10628, and Scaf-GRPO,
// arXiv:2510.19807): a group without guidance all of whose rollouts are wrong is sampled again under longer
// and longer prefixes of the problem's solution. Of the first under which a rollout is correct, such rollouts
// join the group, at most search.joins: they count in its baseline and are learned from, under the prompt
// with guidance or, with objective.context_distillation, without.
#pragma once

#include <filesystem>
#include <memory>

#include "learn/curriculum.h"

namespace pope {

std::unique_ptr<Curriculum> make_prefix_search(const TrainJob& job, const Mixture& mixture,
                                               const std::filesystem::path& run);

}  // namespace pope
