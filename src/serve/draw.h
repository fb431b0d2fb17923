// Drawing a token under settings that the engines of training do not have: alternatives, top_p, top_k.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "serve/live_batch.h"

namespace pope {

// Logits [V] → the token drawn by `uniform` in [0, 1), with its logprob and the alternatives. Without top_p
// and top_k as draw_token() (rollout/sample.h). A logprob that is not finite: the logits are not.
LiveToken draw_live(const float* logits, std::int64_t vocab, const LiveSampling& sampling, double uniform);

// The same of a token that is given.
LiveToken told_token(const float* logits, std::int64_t vocab, const LiveSampling& sampling, int token);

}  // namespace pope
