// The behaviour logprobs of what an engine sampled elsewhere. Servers give those of nearly all tokens, and
// they are learned with: they are what the tokens were drawn by. Where one is missing (a stop token that is
// not shown, vLLM's at another temperature than 1) the trainer's own weights stand in, if it was they that
// sampled. They say nothing of the sampler: train_sampler_mismatch leaves them out (Rollout::filled).
#pragma once

#include <vector>

#include "learn/signal.h"
#include "learn/trainer.h"

namespace pope {

// Fills the logprobs that are not known (NaN) in the groups' rollouts, before their signal is set. Error: one
// is missing in a rollout of older weights.
void complete_logprobs(const TrainJob& job, std::vector<Group>& groups);
// For where the weights move on meanwhile. Error: a logprob is missing.
void require_logprobs(const Group& group);

}  // namespace pope
