// Evaluation while training. The random streams depend on (seed, set, problem) and not on the step, so that
// two evaluations of a run differ by the weights alone.
#include "core/rng.h"
#include "core/statistics.h"
#include "explore/sampling.h"
#include "learn/trainer_parts.h"

namespace pope {
namespace {

struct EvalPrompts {
  std::vector<Problem> problems;  // as prompted
  std::vector<Request> requests;
};

// Problems without guidance are left out of a guided set.
EvalPrompts make_prompts(const TrainJob& job, const EvalSet& set, const Explorer& explorer) {
  EvalPrompts prompts;
  for (const Problem& problem : set.problems) {
    if (set.guided && !problem.guidance) continue;
    Request request;
    request.tag = prompts.requests.size();
    request.stream =
        RngStream(job.seed, {key_of("eval"), key_of(set.name), set.guided, key_of(problem.id)}).next();
    request.samples = job.config.eval_samples;
    prompts.problems.push_back(as_prompted(problem, set.guided, explorer.instruction));
    request.prompt = prompt_of(prompts.problems.back(), explorer);
    prompts.requests.push_back(std::move(request));
  }
  return prompts;
}

void add_set(const TrainJob& job, const EvalSet& set, Json& row) {
  const Explorer explorer = explorer_of(job);
  EvalPrompts prompts = make_prompts(job, set, explorer);
  if (prompts.problems.empty()) return;
  const int n = job.config.eval_samples;
  const double problems = static_cast<double>(prompts.problems.size());
  auto rollouts = job.engine->sample(job.sampling, job.seed, job.stop_tokens, std::move(prompts.requests));
  double pass_1 = 0, pass_n = 0, truncated = 0;
  for (std::size_t p = 0; p < prompts.problems.size(); ++p) {
    int correct = 0;
    for (Rollout& rollout : rollouts[p]) {
      truncated += rollout.finish == FinishReason::length;
      correct += grade_finished(std::move(rollout), prompts.problems[p], explorer).verdict.correct;
    }
    pass_1 += pass_at_k(n, correct, 1);
    pass_n += pass_at_k(n, correct, n);
  }
  const std::string prefix = "eval/" + set.name + (set.guided ? "/guided/" : "/unguided/");
  row[prefix + "pass@1"] = pass_1 / problems;
  row[prefix + "pass@" + std::to_string(n)] = pass_n / problems;
  row[prefix + "truncated"] = truncated / (problems * n);
}

}  // namespace

void add_eval_metrics(const TrainJob& job, Json& row) {
  for (const EvalSet& set : job.eval_sets) add_set(job, set, row);
}

}  // namespace pope
