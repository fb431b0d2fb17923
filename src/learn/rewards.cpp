// The table of where rewards come from.
#include "learn/rewards.h"

#include "core/nearest.h"
#include "learn/reliance.h"
#include "learn/vote.h"

namespace pope {

std::map<std::string, SetRewards>& reward_kinds() {
  static std::map<std::string, SetRewards> table = {
      {"verifier", [](const TrainJob&, std::vector<Group>&) {}},
      {"majority", vote},
      {"transfer", weigh_by_reliance},
  };
  return table;
}

std::vector<std::string> reward_names() { return names_of(reward_kinds()); }

}  // namespace pope
