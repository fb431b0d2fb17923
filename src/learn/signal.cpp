// Group → sequences, for GRPO and its relatives, and LUFFY's demonstrations.
#include "learn/signal.h"

#include <algorithm>
#include <utility>

#include "learn/advantage.h"
#include "learn/objective.h"
#include "text/prompt.h"

namespace pope {
namespace {

// The solution as the policy would have sampled it, end token included; empty where the prompt shows
// guidance, there is no solution, or it is longer than a rollout may be.
std::vector<int> demonstration_of(const SignalContext& context, const Prompt& prompt) {
  const Problem& problem = prompt.problem;
  if (prompt.guided() || problem.solution.empty()) return {};
  const WordingValues values{
      .problem = problem.statement, .solution = problem.solution, .answer = problem.answer};
  std::vector<int> tokens = context.prompts.tokenizer().encode_behind(
      prompt.train, fill_wording(context.objective.demonstration, values));
  if (context.end_token >= 0) tokens.push_back(context.end_token);
  return std::cmp_less_equal(tokens.size(), context.max_tokens) ? tokens : std::vector<int>{};
}

Sequence sequence_of(const Prompt& prompt, std::vector<int> completion, double advantage) {
  Sequence sequence;
  sequence.prompt = prompt.train;
  sequence.advantages.assign(completion.size(), static_cast<float>(advantage));
  sequence.completion = std::move(completion);
  sequence.other_prompt = prompt.train != prompt.sample;
  return sequence;
}

}  // namespace

bool Group::has_signal() const {
  return std::any_of(sequences.begin(), sequences.end(), [](const Sequence& sequence) {
    return sequence.advantages.empty() || std::any_of(sequence.advantages.begin(), sequence.advantages.end(),
                                                      [](float a) { return a != 0; });
  });
}

double Group::mean_reward() const {
  double sum = 0;
  for (const GradedRollout& graded : rollouts) sum += graded.reward();
  return sum / static_cast<double>(rollouts.size());
}

void set_signal(const SignalContext& context, Group& group) {
  const ObjectiveConfig& objective = context.objective;
  std::vector<int> demonstration;
  if (takes_demonstrations(objective)) demonstration = demonstration_of(context, *group.prompt);
  const std::size_t n = group.rollouts.size();
  std::vector<double> rewards;
  std::vector<std::size_t> places;  // of those that have one: rollouts, then joined ones
  for (std::size_t i = 0; i < n + group.joined.size(); ++i) {
    if (i < n && group.drops(i)) continue;
    const GradedRollout& graded = i < n ? group.rollouts[i] : group.joined[i - n].graded;
    rewards.push_back(group.rewards.empty() ? graded.reward() : group.rewards[i]);
    places.push_back(i);
  }
  if (!demonstration.empty()) rewards.push_back(1);
  const std::vector<double> all = group_advantages(objective, rewards);
  group.advantages.assign(n + group.joined.size(), 0);
  for (std::size_t i = 0; i < places.size(); ++i) group.advantages[places[i]] = all[i];

  group.sequences.clear();
  const auto add = [&](const Prompt& prompt, const GradedRollout& graded, double advantage) {
    if (objective.mask_truncated && graded.truncated()) return;
    group.sequences.push_back(sequence_of(prompt, graded.rollout.tokens, advantage));
    group.sequences.back().kind = LossKind::policy;
    group.sequences.back().behaviour = graded.rollout.logprobs;
    group.sequences.back().filled = graded.rollout.filled;
    group.sequences.back().teacher = prompt.teacher;
  };
  for (std::size_t i = 0; i < n; ++i)
    if (!group.drops(i)) add(group.prompt_of(i), group.rollouts[i], group.advantages[i]);
  for (std::size_t i = 0; i < group.joined.size(); ++i)
    add(*group.joined[i].prompt, group.joined[i].graded, group.advantages[n + i]);
  if (demonstration.empty()) return;
  group.sequences.push_back(sequence_of(*group.prompt, std::move(demonstration), all.back()));
  group.sequences.back().kind = LossKind::demonstration;
}

}  // namespace pope
