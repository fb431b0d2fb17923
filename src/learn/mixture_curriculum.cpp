// See mixture_curriculum.h.
#include "learn/mixture_curriculum.h"

#include "core/rng.h"
#include "explore/guidance_source.h"
#include "learn/group_source.h"

namespace pope {

MixtureCurriculum::MixtureCurriculum(const TrainJob& job, const Mixture& mixture)
    : job_(job), mixture_(mixture), retirement_(job.retire, job.seed) {}

std::vector<GroupPlan> MixtureCurriculum::plan(std::int64_t t) const {
  std::vector<GroupPlan> groups;
  for (const PromptDraw& draw : draws(t)) groups.push_back(group_of(draw));
  return groups;
}

std::vector<PromptDraw> MixtureCurriculum::draws(std::int64_t t) const {
  return retirement_.replaced(mixture_.draw(t, job_.config.prompts_per_step), t);
}

GroupPlan MixtureCurriculum::group_of(const PromptDraw& draw) const {
  return {draw.set, drawn_prompt(job_, *draw.problem, draw.set->guided), {}};
}

std::optional<Guidance> prefix_near(const TrainJob& job, const Problem& problem, double fraction,
                                    double max_fraction, const std::string& boundary) {
  GuideConfig config;
  config.fixed_fraction = fraction;
  config.max_fraction = max_fraction;
  config.boundary = boundary;
  const std::string instruction = problem.guidance ? problem.guidance->instruction : "";
  const RolloutContext context = rollout_context(job);
  const auto usable = [&](const Guidance& guidance) {
    if (job.verifier->states_answer(problem, guidance.text)) return false;
    Problem guided = problem;
    guided.guidance = guidance;
    guided.guidance->instruction = instruction;
    return fits(make_prompt(*job.prompts, std::move(guided), true), context);
  };
  std::vector<Guidance> found = solution_prefix.candidates(problem, config, RngStream(job.seed, {}), usable);
  if (found.empty()) return std::nullopt;
  found.front().instruction = instruction;
  return std::move(found.front());
}

}  // namespace pope
