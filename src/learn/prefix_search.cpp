// See prefix_search.h.
#include "learn/prefix_search.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/error.h"
#include "learn/group_source.h"
#include "learn/mixture_curriculum.h"
#include "learn/trainer.h"

namespace pope {
namespace {

bool solves(const GradedRollout& graded) { return graded.verdict.correct; }

class PrefixSearch : public MixtureCurriculum {
 public:
  PrefixSearch(const TrainJob& job, const Mixture& mixture) : MixtureCurriculum(job, mixture) {
    bool any = false;
    for (const Problem& problem : job.hard) {
      any = any || !problem.solution.empty();
      if (problem.guidance) instructions_[problem.id] = problem.guidance->instruction;
    }
    if (!any)
      throw Error("train", "train.guidance=search: expected problems with solutions, got none",
                  "their prefixes are what is searched");
  }

  std::shared_ptr<const Prompt> more(const Group& group, int tried) const override {
    const Problem& problem = group.prompt->problem;
    if (group.prompt->guided() || !group.joined.empty() || problem.solution.empty() ||
        std::any_of(group.rollouts.begin(), group.rollouts.end(), solves))
      return nullptr;
    std::optional<Guidance> prefix = prefix_after(problem, tried);
    if (!prefix) return nullptr;
    Problem guided = problem;
    guided.guidance = std::move(prefix);
    return drawn_prompt(job(), guided, true);
  }

  void join(Group& group, const std::shared_ptr<const Prompt>& prompt,
            std::vector<GradedRollout>&& rollouts) const override {
    for (GradedRollout& graded : rollouts) {
      if (!solves(graded) || std::cmp_equal(group.joined.size(), job().search.joins)) continue;
      group.joined.push_back({prompt, std::move(graded)});
    }
  }

  void learn_from(const std::vector<Group>& groups) override {
    MixtureCurriculum::learn_from(groups);
    searched_ = found_ = 0;
    fractions_ = 0;
    for (const Group& group : groups) {
      searched_ += group.more_rollouts > 0;
      rollouts_ += group.more_rollouts;
      if (group.joined.empty()) continue;
      ++found_;
      fractions_ += group.joined.front().prompt->problem.guidance->fraction;
    }
  }

  void add_metrics(Json& row) const override {
    MixtureCurriculum::add_metrics(row);
    row["search/searched"] = searched_;
    row["search/found"] = found_;
    if (found_ > 0) row["search/fraction"] = fractions_ / found_;
    row["search/rollouts"] = rollouts_;
  }

  Json state() const override {
    return {{"rollouts", rollouts_}, {"retirement", MixtureCurriculum::state()}};
  }
  void restore(const Json& state) override {
    state.at("rollouts").get_to(rollouts_);
    MixtureCurriculum::restore(state.at("retirement"));
  }

 private:
  // The stages give prefixes, of which those count that are longer than all before: the one behind the first
  // `tried` of them.
  std::optional<Guidance> prefix_after(Problem problem, int tried) const {
    const SearchConfig& config = job().search;
    const auto instruction = instructions_.find(problem.id);
    problem.guidance.emplace();  // the wording of what is shown
    if (instruction != instructions_.end()) problem.guidance->instruction = instruction->second;
    double longest = -1;
    for (int stage = 1; stage <= config.stages; ++stage) {
      const double fraction = static_cast<double>(stage) / (config.stages + 1);
      std::optional<Guidance> prefix = prefix_near(job(), problem, fraction, 1, config.boundary);
      if (!prefix || prefix->fraction <= longest) continue;
      if (tried-- == 0) return prefix;
      longest = prefix->fraction;
    }
    return std::nullopt;
  }

  std::map<std::string, std::string> instructions_;  // of the problems' own guidance
  int searched_ = 0, found_ = 0;                     // groups of the last step
  double fractions_ = 0;                             // told to those found, summed
  std::int64_t rollouts_ = 0;                        // under prefixes, in all
};

}  // namespace

std::unique_ptr<Curriculum> make_prefix_search(const TrainJob& job, const Mixture& mixture,
                                               const std::filesystem::path&) {
  return std::make_unique<PrefixSearch>(job, mixture);
}

}  // namespace pope
