// See logprob_gap.h.
#include "rollout/logprob_gap.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

namespace pope {
namespace {

// [T] f32, on the CPU: of a completion's T tokens after the prompt, at temperature 1.
at::Tensor logprobs_of(const Model& model, std::vector<int> ids, const std::vector<int>& completion) {
  const c10::NoGradGuard no_grad;
  const auto prompt = std::ssize(ids), length = std::ssize(completion);
  ids.insert(ids.end(), completion.begin(), completion.end());
  Packing packing;
  packing.add_prefix(std::ssize(ids));
  const at::Tensor tokens = at::tensor(ids, at::kLong).to(model.device());
  const at::Tensor hidden = model.forward_hidden(tokens, packing).narrow(0, prompt - 1, length);
  return token_logprobs(hidden, model.output_embedding(), tokens.narrow(0, prompt, length), 1).logprobs.cpu();
}

}  // namespace

LogprobGap logprob_gap(const Model& model, const CompletionCall& call,
                       const std::vector<Completion>& completions) {
  LogprobGap gap;
  if (call.prompt.empty()) return gap;
  double sum = 0;
  for (const Completion& one : completions) {
    if (!one.tokens || one.tokens->empty() || one.logprobs.size() != one.tokens->size()) continue;
    const at::Tensor ours = logprobs_of(model, call.prompt, *one.tokens);
    for (std::size_t t = 0; t < one.tokens->size(); ++t) {
      const double apart = std::abs(ours[static_cast<std::int64_t>(t)].item<double>() - one.logprobs[t]);
      if (std::isnan(apart)) continue;
      sum += apart;
      gap.max = std::max(gap.max, apart);
      ++gap.tokens;
    }
  }
  gap.mean = gap.tokens > 0 ? sum / static_cast<double>(gap.tokens) : 0;
  return gap;
}

}  // namespace pope
