// See vote.h.
#include "learn/vote.h"

#include <algorithm>
#include <span>

#include "learn/group_source.h"
#include "learn/policy_gradient.h"
#include "learn/trainer.h"

namespace pope {
namespace {

// Those that vote: the rollouts, then those of the momentum policy.
std::vector<const GradedRollout*> pool_of(const Group& group) {
  std::vector<const GradedRollout*> pool;
  for (const GradedRollout& graded : group.rollouts) pool.push_back(&graded);
  for (const GradedRollout& graded : group.voters) pool.push_back(&graded);
  return pool;
}

// The mean entropies of all who vote, group by group.
std::vector<double> entropies_of(const TrainJob& job, const std::vector<Group>& groups) {
  std::vector<Sequence> sequences;
  for (const Group& group : groups)
    for (const GradedRollout* graded : pool_of(group))
      sequences.push_back({.prompt = group.prompt->train, .completion = graded->rollout.tokens});
  std::vector<double> entropies;
  for (const SequenceMean& mean :
       sequence_means(*job.model, sequences, job.sampling.temperature, job.config.micro_batch_tokens))
    entropies.push_back(mean.entropy);
  return entropies;
}

void drop_outliers(double factor, std::span<const double> entropies, Group& group) {
  const double bound = low_outlier_bound({entropies.begin(), entropies.end()}, factor);
  std::vector<bool> dropped;
  for (std::size_t i = 0; i < group.rollouts.size(); ++i) dropped.push_back(entropies[i] < bound);
  if (std::count(dropped.begin(), dropped.end(), false) >= 2) group.dropped = std::move(dropped);
}

}  // namespace

std::vector<std::size_t> majority_of(const Verifier& verifier, const Problem& problem,
                                     const std::vector<const GradedRollout*>& rollouts) {
  std::vector<std::vector<std::size_t>> answers;
  for (std::size_t i = 0; i < rollouts.size(); ++i) {
    const Verdict& own = rollouts[i]->verdict;
    if (rollouts[i]->truncated() || !verifier.same_answer(problem, own, own)) continue;
    const auto found = std::find_if(answers.begin(), answers.end(), [&](const auto& with) {
      return verifier.same_answer(problem, rollouts[with.front()]->verdict, own);
    });
    if (found == answers.end()) {
      answers.push_back({i});
    } else {
      found->push_back(i);
    }
  }
  const auto most = std::max_element(answers.begin(), answers.end(),
                                     [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return most == answers.end() ? std::vector<std::size_t>{} : *most;
}

double low_outlier_bound(std::vector<double> values, double factor) {
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double part) {
    const double at = part * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, values.size() - 1);
    return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
  };
  const double first = quantile(0.25);
  return first - factor * (quantile(0.75) - first);
}

double sample_voters(const TrainJob& job, std::int64_t t, std::vector<Group>& groups) {
  std::size_t next = 0;
  const auto work = [&]() -> std::optional<Work> {
    if (next == groups.size()) return std::nullopt;
    const Group& group = groups[next];
    const auto place = static_cast<std::size_t>(group.index - t * job.config.prompts_per_step);
    return Work{.tag = next++,
                .prompt = group.prompt,
                .rng_key = group_key(job, *group.set, group.prompt->problem.id, t, place),
                .samples = job.vote.momentum_rollouts,
                .first_sample = job.config.rollouts_per_prompt};  // behind those of the policy
  };
  return sample_and_grade(rollout_context(job, *job.momentum), work, [&](Sampled&& sampled) {
    Group& group = groups[sampled.tag];
    group.voters = std::move(sampled.rollouts);
    group.more_rollouts += std::ssize(group.voters);
    for (const GradedRollout& graded : group.voters) group.more_tokens += std::ssize(graded.rollout.tokens);
  });
}

void vote(const TrainJob& job, std::vector<Group>& groups) {
  std::vector<double> entropies;
  if (job.vote.drop_below > 0) entropies = entropies_of(job, groups);
  std::size_t next = 0;
  for (Group& group : groups) {
    const std::vector<const GradedRollout*> pool = pool_of(group);
    const std::vector<std::size_t> agree = majority_of(*job.verifier, group.prompt->problem, pool);
    group.rewards.assign(group.rollouts.size(), 0);
    for (const std::size_t i : agree)
      if (i < group.rewards.size()) group.rewards[i] = 1;
    group.majority = Majority{static_cast<double>(agree.size()) / static_cast<double>(pool.size()),
                              !agree.empty() && pool[agree.front()]->verdict.correct};
    if (entropies.empty()) continue;
    drop_outliers(job.vote.drop_below, std::span(entropies).subspan(next, pool.size()), group);
    next += pool.size();
  }
}

}  // namespace pope
