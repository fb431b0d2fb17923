// See context_distillation.h. One forward pass without gradient before a batch is learned from.
#include "learn/context_distillation.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "learn/policy_gradient.h"

namespace pope {

Prompt trained_without_guidance(const PromptRenderer& renderer, Prompt prompt) {
  if (prompt.guided()) prompt.train = make_prompt(renderer, prompt.problem, /*show_guidance=*/false).sample;
  return prompt;
}

DistillationMask distil_context(const ObjectiveConfig& config, std::vector<Sequence*> sequences,
                                const Model& model, double temperature, std::int64_t micro_batch_tokens) {
  const c10::NoGradGuard no_grad;
  std::erase_if(sequences, [](const Sequence* s) { return !s->other_prompt || s->kind != LossKind::policy; });
  std::vector<Sequence> copies;
  for (const Sequence* s : sequences) copies.push_back(*s);
  DistillationMask mask;
  std::size_t next = 0;
  for (const MicroBatch& made : micro_batches(copies, micro_batch_tokens)) {
    const MicroBatch micro = made.to(model.device());
    const at::Tensor logprobs = token_logprobs_of(model, micro, temperature).logprobs.cpu();  // [M] f32
    const auto* logprob = logprobs.const_data_ptr<float>();
    for (std::int64_t m = 0; m < logprobs.numel(); ++next) {
      Sequence& sequence = *sequences.at(next);
      if (sequence.advantages.empty()) sequence.advantages.assign(sequence.completion.size(), 1);
      for (std::size_t i = 0; i < sequence.completion.size(); ++i, ++m) {
        const double ratio = std::exp(static_cast<double>(logprob[m]) - sequence.behaviour[i]);
        const double bounded = std::clamp(ratio, config.distillation_low, config.distillation_high);
        sequence.behaviour[i] = logprob[m];
        if (bounded != ratio) {
          sequence.advantages[i] *=
              static_cast<float>(config.distillation_clip == "soft" ? bounded / ratio : 0);
          ++mask.masked;
        }
        ++mask.tokens;
      }
    }
  }
  return mask;
}

}  // namespace pope
