// Reliance on the guidance (objective.reward=transfer; HiLL, arXiv:2604.00698): a guided success that is
// hardly likely without the guidance teaches little for the problem as it is. Successes are rescored without
// it, and rewarded by what they do not owe to it.
#pragma once

#include <vector>

#include "learn/signal.h"

namespace pope {

struct TrainJob;

// exp(−max(R, 0) / temperature) of the reliance R, in nats per token.
double transfer_weight(double reliance, double temperature);

// Rewards: of a correct rollout under guidance h the transfer weight of
//   R = mean over its tokens of log μ(y_t | x, h, y_<t) − log π(y_t | x, y_<t),
// μ as the sampler recorded it, π the policy's now; of every other rollout the verdict. Fills
// Group::reliances.
void weigh_by_reliance(const TrainJob& job, std::vector<Group>& groups);

}  // namespace pope
