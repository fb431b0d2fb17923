// The curriculum of the mixture, with the guidance that its problems carry, and the base of those that show
// another. Problems may retire (retirement.h).
#pragma once

#include <cstdint>
#include <vector>

#include "learn/curriculum.h"
#include "learn/retirement.h"
#include "learn/trainer.h"

namespace pope {

class MixtureCurriculum : public Curriculum {
 public:
  MixtureCurriculum(const TrainJob& job, const Mixture& mixture);
  const std::vector<PromptSet>& sets() const override { return mixture_.sets(); }
  std::vector<GroupPlan> plan(std::int64_t t) const override;
  void learn_from(const std::vector<Group>& groups) override { retirement_.learn_from(groups); }
  void add_metrics(Json& row) const override { retirement_.add_metrics(row); }
  Json state() const override { return retirement_.state(); }
  void restore(const Json& state) override { retirement_.restore(state); }

 protected:
  virtual GroupPlan group_of(const PromptDraw& draw) const;
  // Of step t, until learn_from() has been told what came of it.
  std::vector<PromptDraw> draws(std::int64_t t) const;
  const TrainJob& job() const { return job_; }

 private:
  const TrainJob& job_;
  const Mixture& mixture_;
  Retirement retirement_;
};

// The prefix of the problem's solution nearest to this part of it that does not state the answer and leaves
// room for a completion; nothing: there is none, or the problem has no solution. Its wording is that of the
// guidance that the problem carries.
std::optional<Guidance> prefix_near(const TrainJob& job, const Problem& problem, double fraction,
                                    double max_fraction, const std::string& boundary);

}  // namespace pope
