// From a group of graded rollouts to what is learned from it: its sequences, each with the prompt that it is
// trained under, an advantage per token and a loss. Here algorithms differ; a new one is one function
// (docs/extending.md). Two things lie elsewhere: Prompt::train is chosen when the work is made
// (group_source.cpp), and what needs the model's logprobs runs before the update (learner.cpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/mixture.h"
#include "data/prompt.h"
#include "learn/batch.h"
#include "learn/config.h"
#include "rollout/reward.h"
#include "text/prompt.h"

namespace pope {

// A rollout under another prompt that a group takes in: it counts in the baseline and is learned from, but is
// none of the group's rollouts.
struct Joined {
  std::shared_ptr<const Prompt> prompt;
  GradedRollout graded;
};

// What the rollouts of a group agree on (vote.h).
struct Majority {
  double share = 0;      // of the rollouts that have its answer
  bool correct = false;  // what the verifier says of that answer: measured, not learned from
};

// The rollouts of one prompt, or of one problem under several.
struct Group {
  std::int64_t index = 0;  // place in the order of the mixture: step · prompts_per_step + place in the step
  const PromptSet* set = nullptr;
  std::shared_ptr<const Prompt> prompt;
  std::vector<std::shared_ptr<const Prompt>> prompts;  // of each rollout; empty: `prompt` is that of all
  const Prompt& prompt_of(std::size_t rollout) const { return prompts.empty() ? *prompt : *prompts[rollout]; }
  std::vector<GradedRollout> rollouts;
  std::vector<Joined> joined;
  std::vector<GradedRollout> voters;  // of the moving average of the weights: they vote, no more (vote.h)
  std::int64_t more_rollouts = 0, more_tokens = 0;  // sampled beside its rollouts: joined ones, voters, …
  // Of each rollout, then of each joined one, where they are not the verifier's verdicts (rewards.h).
  std::vector<double> rewards;
  std::vector<bool> dropped;  // of each rollout: not in the baseline, and not learned from; empty: none
  bool drops(std::size_t rollout) const { return !dropped.empty() && dropped[rollout]; }
  std::optional<Majority> majority;
  std::vector<double> reliances;    // of its guided successes (reliance.h)
  std::vector<double> advantages;   // of each rollout, then of each joined one
  std::vector<Sequence> sequences;  // what is learned from it
  // Whether any token has an advantage other than 0 (none given: 1). Groups without signal add nothing to the
  // loss of an objective without regularisers, nor to its gradient.
  bool has_signal() const;
  // Of its rollouts.
  double mean_reward() const;
};

struct SignalContext {
  const ObjectiveConfig& objective;
  const PromptRenderer& prompts;
  int end_token = -1;  // ends a demonstration; −1: none
  int max_tokens = 0;  // longer demonstrations are left out
};

// Fills advantages and sequences from prompt, rollouts and rewards. Of each rollout (but dropped ones, whose
// advantage is 0, and truncated ones, with objective.mask_truncated) a sequence with its advantage
// (group_advantages() in advantage.h, over all rollouts and joined ones) on every token; of each joined one
// likewise; of objective.kind luffy, where the prompt shows no guidance, also the solution as a
// demonstration.
void set_signal(const SignalContext& context, Group& group);

}  // namespace pope
