// Where rewards come from, where that is not each rollout's verdict alone: from the group, or from what the
// policy's weights say. A new kind is one file and one line of the table in rewards.cpp; its name is
// objective.reward. Free of libtorch.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace pope {

struct Group;
struct TrainJob;

// Fills Group::rewards, and dropped, of the groups of a step, all of whose rollouts are graded; before the
// weights change.
using SetRewards = void (*)(const TrainJob& job, std::vector<Group>& groups);

// By name. A program of your own may add to it before it is used.
std::map<std::string, SetRewards>& reward_kinds();
std::vector<std::string> reward_names();

}  // namespace pope
