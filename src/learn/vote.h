// Majority vote (objective.reward=majority): the most common answer of a problem's rollouts stands in the
// place of the reference answer, which is not used. In M-GRPO (arXiv:2512.13070) the moving average of the
// weights, the momentum policy, samples some of the rollouts that vote, and rollouts of low entropy are not
// learned from.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "learn/signal.h"

namespace pope {

struct TrainJob;
class Verifier;

// Of these rollouts of one problem those that have the most common answer, as Verifier::same_answer() groups
// them; of equally common ones that which comes first. A truncated rollout has no answer. None: empty.
std::vector<std::size_t> majority_of(const Verifier& verifier, const Problem& problem,
                                     const std::vector<const GradedRollout*>& rollouts);

// Q1 − factor·(Q3 − Q1) of the values, quartiles interpolated linearly.
double low_outlier_bound(std::vector<double> values, double factor);

// Samples vote.momentum_rollouts for each group of step `t` from job.ema; they become Group::voters. Returns
// the seconds spent grading.
double sample_voters(const TrainJob& job, std::int64_t t, std::vector<Group>& groups);

// Rewards: 1 for the majority's answer among rollouts and voters, else 0. With vote.drop_below rollouts whose
// mean entropy under the policy is a low outlier among all of them are dropped, unless fewer than two would
// be left.
void vote(const TrainJob& job, std::vector<Group>& groups);

}  // namespace pope
