// Drawing a token from a row of logits.
#pragma once

#include <cstdint>

namespace pope {

struct SampledToken {
  int token;
  float logprob;  // log-softmax(logits / temperature)[token]; NaN when the logits are not finite
};

// Logits are summed in blocks of so many, of which the one that holds the draw is then looked into.
inline constexpr std::int64_t kDrawBlock = 256;

// temperature > 0: the token at which the cumulative softmax(logits / temperature) passes `uniform` in [0,
// 1). temperature 0: the largest logit (the first of equals), with its logprob at temperature 1.
SampledToken draw_token(const float* logits, std::int64_t vocab, double temperature, double uniform);

}  // namespace pope
