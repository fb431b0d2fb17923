// Evaluation while training. The random streams depend on (seed, problem) and not on the step, so that two
// evaluations of a run differ by the weights alone.
#include <set>

#include "evaluate/evaluate.h"
#include "learn/trainer_parts.h"

namespace pope {
namespace {

void add_set(const TrainJob& job, const EvalSet& set, bool guided, Json& row) {
  const int n = job.config.eval_samples;
  std::set<int> pass_at = {1, 8, 32, n};  // the paper's, as far as the samples go, and what these can show
  pass_at.erase(pass_at.upper_bound(n), pass_at.end());
  const EvalConfig config{
      .samples = n, .problems = job.config.eval_problems, .pass_at = {pass_at.begin(), pass_at.end()}};
  const SetResult result = evaluate(rollout_context(job), config, set.name, set.problems, guided);
  const std::string prefix = "eval/" + set.name + (guided ? "/guided/" : "/unguided/");
  for (const PassAtK& pass : result.pass)
    row[prefix + "pass@" + std::to_string(pass.k)] = pass.interval.value;
  row[prefix + "truncated"] = result.truncated;
  row[prefix + "undecided"] = result.undecided;
}

}  // namespace

void add_eval_metrics(const TrainJob& job, Json& row) {
  for (const EvalSet& set : job.eval_sets) {
    add_set(job, set, false, row);
    if (job.config.eval_guided && has_guidance(set.problems)) add_set(job, set, true, row);
  }
}

}  // namespace pope
