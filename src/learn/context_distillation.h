// Context distillation (P²O's use of it): rollouts are sampled under guidance and trained under the bare
// prompt, so that the policy learns to do without what the guidance brought about. What a token is worth is
// still its rollout's advantage; the policy loss runs on the policy's own logprobs under the bare prompt, and
// tokens that the two prompts disagree about too much have no say.
#pragma once

#include <cstdint>
#include <vector>

#include "data/prompt.h"
#include "learn/batch.h"
#include "learn/config.h"
#include "model/model.h"

namespace pope {

// The prompt, trained under what it is without guidance.
Prompt trained_without_guidance(const PromptRenderer& renderer, Prompt prompt);

struct DistillationMask {
  std::int64_t tokens = 0, masked = 0;
};
// Of every sequence that was sampled under another prompt than it is trained under: behaviour b becomes the
// logprob o that `model` gives the token after the training prompt now. Where r = e^(o − b) leaves
// [distillation_low, distillation_high] the advantage becomes 0, or with distillation_clip=soft the multiple
// clip(r)/r of what it is. Where both prompts are the same nothing changes.
DistillationMask distil_context(const ObjectiveConfig& config, std::vector<Sequence*> sequences,
                                const Model& model, double temperature, std::int64_t micro_batch_tokens);

}  // namespace pope
