// How far a server's logprobs are from those of the weights here: whether it runs them.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model.h"
#include "rollout/http_protocol.h"

namespace pope {

// In nats a token.
struct LogprobGap {
  std::int64_t tokens = 0;  // compared
  double mean = 0, max = 0;
};
// Of samples of `call` at temperature 1, where logprobs before and after the temperature are the same. Tokens
// without a logprob do not count; nor do samples without ids, or of a prompt that was given as text.
LogprobGap logprob_gap(const Model& model, const CompletionCall& call,
                       const std::vector<Completion>& completions);

}  // namespace pope
