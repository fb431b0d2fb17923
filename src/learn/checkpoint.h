// Checkpoints: a Hugging Face model directory plus optimizer.safetensors, state.json and checksums.json,
// written atomically under RUN/checkpoints/step-NNNNNN. Everything else that training needs is a function of
// (config, seed, step).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/files.h"
#include "learn/optimizer.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pope {

// Keeps the newest `keep` up to `step`, at least 1. Error, and nothing is written, where a weight or a moment
// is not finite.
void save_checkpoint(const std::filesystem::path& run, std::int64_t step, const Model& model,
                     const Optimizer& optimizer, const Tokenizer& tokenizer, const Json& state, int keep);
// Loads the newest usable checkpoint into model and optimizer; its state ({"step": …} and the caller's), or
// nothing when there is none. One that is not as it was saved is passed over with a warning; all: Error.
std::optional<Json> load_newest_checkpoint(const std::filesystem::path& run, Model& model,
                                           Optimizer& optimizer);
// The folder of the newest one, and the steps that are done in it; nothing where there is none.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& run);
std::optional<std::int64_t> newest_checkpoint_step(const std::filesystem::path& run);
// Removes all but the newest `keep` checkpoints up to `step`. Those beyond it, which could not be used, are
// set aside as step-N.damaged.
void prune_checkpoints(const std::filesystem::path& run, std::int64_t step, int keep);

// Error when `value`, the `what` of 0-based step t, is not finite; says how to go on from the last
// checkpoint.
void require_finite(const std::string& verb, const std::string& what, double value, std::int64_t t);

}  // namespace pope
