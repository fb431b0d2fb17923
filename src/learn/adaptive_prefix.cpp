// See adaptive_prefix.h.
#include "learn/adaptive_prefix.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "learn/group_source.h"
#include "learn/mixture_curriculum.h"
#include "learn/trainer.h"

namespace pope {
namespace {

class AdaptivePrefix : public MixtureCurriculum {
 public:
  AdaptivePrefix(const TrainJob& job, const Mixture& mixture) : MixtureCurriculum(job, mixture) {
    bool unguided = false, any = false;
    for (const PromptSet& set : mixture.sets()) {
      sets_.push_back({set.name, set.guided, {}});
      unguided = unguided || set.name == "unguided";
      if (!set.guided) continue;
      for (const Problem& problem : set.problems) {
        fractions_[problem.id] = std::min(problem.guidance->fraction, job.adaptive.max_fraction);
        any = any || (problem.guidance->fraction > 0 && !problem.solution.empty());
      }
    }
    if (!any)
      throw Error("train",
                  "train.guidance=adaptive: expected guided problems with a solution and guidance.fraction, "
                  "the part of it that their guidance tells, got none",
                  "pope guide writes both");
    if (!unguided) sets_.push_back({"unguided", false, {}});
  }

  const std::vector<PromptSet>& sets() const override { return sets_; }

  void learn_from(const std::vector<Group>& groups) override {
    const std::int64_t size = job().config.prompts_per_step;
    const std::vector<PromptDraw> drawn = draws(groups.front().index / size);
    MixtureCurriculum::learn_from(groups);
    shown_ = 0;
    for (const Group& group : groups) {
      shown_ += group.prompt->guided();
      const auto found = fractions_.find(group.prompt->problem.id);
      if (found == fractions_.end() || group.set->name == "easy") continue;
      const PromptDraw& draw = drawn[static_cast<std::size_t>(group.index % size)];
      found->second = next_fraction(job().adaptive, found->second, group.mean_reward(), draw.set->guided);
    }
  }

  void add_metrics(Json& row) const override {
    MixtureCurriculum::add_metrics(row);
    double sum = 0;
    for (const auto& [id, fraction] : fractions_) sum += fraction;
    row["adaptive/fraction"] = sum / static_cast<double>(fractions_.size());
    row["adaptive/shown"] = shown_;
  }

  Json state() const override {
    return {{"fractions", fractions_}, {"retirement", MixtureCurriculum::state()}};
  }
  void restore(const Json& state) override {
    state.at("fractions").get_to(fractions_);
    MixtureCurriculum::restore(state.at("retirement"));
  }

 private:
  GroupPlan group_of(const PromptDraw& draw) const override {
    Problem problem = *draw.problem;
    if (draw.set->guided) {
      const AdaptiveConfig& config = job().adaptive;
      const double f = fractions_.at(problem.id);
      std::optional<Guidance> prefix;
      if (f > 0) prefix = prefix_near(job(), problem, f, config.max_fraction, config.boundary);
      if (prefix && f < prefix->fraction / 2) prefix.reset();
      problem.guidance = std::move(prefix);
    }
    const bool guided = draw.set->guided && problem.guidance;
    return {&set(draw.set->guided && !guided ? "unguided" : draw.set->name),
            drawn_prompt(job(), problem, guided),
            {}};
  }

  const PromptSet& set(const std::string& name) const {
    return *std::find_if(sets_.begin(), sets_.end(), [&](const PromptSet& one) { return one.name == name; });
  }

  std::vector<PromptSet> sets_;
  std::map<std::string, double> fractions_;
  int shown_ = 0;  // groups of the last step under guidance
};

}  // namespace

double next_fraction(const AdaptiveConfig& config, double f, double r, bool guided_draw) {
  return guided_draw ? std::clamp(f + config.step * (config.target - r), 0.0, config.max_fraction)
                     : f * (1 - r);
}

std::unique_ptr<Curriculum> make_adaptive_prefix(const TrainJob& job, const Mixture& mixture,
                                                 const std::filesystem::path&) {
  return std::make_unique<AdaptivePrefix>(job, mixture);
}

}  // namespace pope
