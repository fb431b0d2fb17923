// The asynchronous trainer's source of groups (PipelineRL, arXiv:2509.19128): sampling goes on, on a thread
// of its own, while the trainer learns. Optimiser steps change the weights between two decode steps of
// rollouts in flight, which keep their keys and values; each token carries the version that sampled it.
//
// Finished groups go through a ring buffer. Without async.max_lag the trainer takes them in the order in
// which they finished. With max_lag = L, at most (L + 1)·prompts_per_step groups are under way, that is begun
// and not yet learned from, and they are taken in the order in which they began: whatever stands before a
// group is learned from within L steps, so none of its tokens is ever older than that. L = 0 is the
// synchronous trainer, bit for bit.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "learn/group_source.h"

namespace pope {

// `run`: its directory, where the schedule is written. `start`: steps done before; `state`: that of their
// checkpoint, with the groups that were under way: they are sampled again.
std::unique_ptr<GroupSource> async_source(const TrainJob& job, const Mixture& mixture,
                                          const std::filesystem::path& run, std::int64_t start,
                                          const std::optional<Json>& state);

}  // namespace pope
