// See retirement.h.
#include "learn/retirement.h"

#include "core/rng.h"
#include "learn/signal.h"

namespace pope {

std::vector<PromptDraw> Retirement::replaced(std::vector<PromptDraw> draws, std::int64_t t) const {
  if (retired_.empty()) return draws;
  std::set<std::pair<const PromptSet*, std::string>> drawn;
  for (const PromptDraw& draw : draws) drawn.insert({draw.set, draw.problem->id});
  for (std::size_t place = 0; place < draws.size(); ++place) {
    PromptDraw& draw = draws[place];
    if (!retired(draw.problem->id)) continue;
    RngStream random(seed_, {key_of("retire"), static_cast<std::uint64_t>(t), place});
    if (random.below(static_cast<std::uint64_t>(config_.every)) == 0) continue;
    std::vector<const Problem*> others;
    for (const Problem& problem : draw.set->problems)
      if (!retired(problem.id) && !drawn.contains({draw.set, problem.id})) others.push_back(&problem);
    if (others.empty()) continue;
    draw.problem = others[random.below(others.size())];
    drawn.insert({draw.set, draw.problem->id});
  }
  return draws;
}

void Retirement::learn_from(const std::vector<Group>& groups) {
  if (!on()) return;
  for (const Group& group : groups) {
    if (group.prompt->guided()) continue;
    const std::string& id = group.prompt->problem.id;
    if (group.mean_reward() < config_.above) {
      streaks_.erase(id);
      returned_ += static_cast<std::int64_t>(retired_.erase(id));
    } else if (!retired(id) && ++streaks_[id] >= config_.groups) {
      streaks_.erase(id);
      retired_.insert(id);
    }
  }
}

void Retirement::add_metrics(Json& row) const {
  if (!on()) return;
  row["retire/retired"] = retired_.size();
  row["retire/returned"] = returned_;
}

Json Retirement::state() const {
  if (!on()) return Json::object();
  return {{"streaks", streaks_}, {"retired", retired_}, {"returned", returned_}};
}

void Retirement::restore(const Json& state) {
  if (state.empty()) return;
  state.at("streaks").get_to(streaks_);
  state.at("retired").get_to(retired_);
  state.at("returned").get_to(returned_);
}

}  // namespace pope
