// GEPA over problems: one component, `template`, stands in front of the message of every problem, as P²O
// (arXiv:2603.21877) uses it. Its score on a problem is the mean reward of sampled rollouts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/problem.h"
#include "evolve/evolve.h"
#include "explore/sampling.h"

namespace pope {

inline constexpr auto kTemplate = "template";  // the component
inline constexpr auto kEvolved = "evolved";    // the wording, and Guidance::kind

// Adds the wording that shows a template: the template, an empty line, and the message of a problem without
// guidance. Settings that have a wording of that name keep it.
void add_evolved_wording(PromptConfig& config);
// The problem with a template as its guidance, or, for an empty one, with none.
Problem with_template(Problem problem, const std::string& text);

// Part of the problems, drawn by the seed, is the dev set: `dev` of them, half of all at most. The others are
// learned from. Of a single problem both.
Instances split_problems(const std::vector<Problem>& problems, int dev, std::uint64_t seed);

// Who rewrites templates. `prompts` puts a message as it is (prompt.unguided is "{problem}").
struct ReflectionModel {
  Engine& engine;
  const PromptRenderer& prompts;
  std::vector<int> stop_tokens;
  SamplingConfig sampling;
};

class ProblemAdapter : public Adapter {
 public:
  // `context.prompts` has the wording of add_evolved_wording(). All must outlive this.
  ProblemAdapter(const RolloutContext& context, const ReflectionModel& model, const EvolveConfig& config,
                 const std::vector<Problem>& problems);

  // The rollouts that the verifier could judge make the score; where it could judge none, that is an error.
  void evaluate(const std::vector<EvaluationJob>& jobs,
                const std::function<void(std::size_t, Evaluated&&)>& done) override;
  // An engine that throws Error has failed: the replies that it gave before are good.
  void reflect(const std::vector<ReflectionJob>& jobs,
               const std::function<void(std::size_t, Reflection&&)>& done) override;
  // Too long a text, one under which a problem does not fit into the context, and one that names places such
  // as {problem}, which nothing fills.
  std::string refusal(const std::string& component, const std::string& text) const override;

 private:
  std::shared_ptr<const Prompt> prompt(const Problem& problem, const std::string& text) const;
  std::vector<int> reflection_prompt(const ReflectionJob& job) const;

  const RolloutContext& context_;
  const ReflectionModel& model_;
  const EvolveConfig& config_;
  std::map<std::string, const Problem*> problems_;  // by id
};

}  // namespace pope
