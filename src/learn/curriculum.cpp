// The table of curricula, and the fixed one: the mixture, with the guidance that its problems carry.
#include "learn/curriculum.h"

#include "core/nearest.h"
#include "learn/group_source.h"
#include "learn/p2o.h"
#include "learn/trainer.h"

namespace pope {
namespace {

class FixedCurriculum : public Curriculum {
 public:
  FixedCurriculum(const TrainJob& job, const Mixture& mixture) : job_(job), mixture_(mixture) {}

  const std::vector<PromptSet>& sets() const override { return mixture_.sets(); }
  std::vector<GroupPlan> plan(std::int64_t t) const override {
    std::vector<GroupPlan> groups;
    for (const PromptDraw& draw : mixture_.draw(t, job_.config.prompts_per_step))
      groups.push_back({draw.set, drawn_prompt(job_, *draw.problem, draw.set->guided), {}});
    return groups;
  }

 private:
  const TrainJob& job_;
  const Mixture& mixture_;
};

}  // namespace

std::map<std::string, MakeCurriculum>& curricula() {
  static std::map<std::string, MakeCurriculum> table = {
      {"fixed", [](const TrainJob& job, const Mixture& mixture,
                   const std::filesystem::path&) { return std::make_unique<FixedCurriculum>(job, mixture); }},
      {"evolved", make_p2o},
  };
  return table;
}

std::vector<std::string> curriculum_kinds() { return names_of(curricula()); }

}  // namespace pope
