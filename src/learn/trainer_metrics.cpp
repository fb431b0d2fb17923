// Means over sets and groups, and the evaluation while training. Its random streams depend on (seed, problem)
// and not on the step, so that two evaluations of a run differ by the weights alone.
#include "learn/trainer_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "evaluate/evaluate.h"
#include "learn/reliance.h"

namespace pope {
namespace {

struct SetSums {
  double groups = 0, solvable = 0, rollouts = 0, reward = 0, truncated = 0, ungraded = 0, tokens = 0,
         neg_logprob_sum = 0;
};

bool is_demonstration(const Sequence& sequence) { return sequence.kind == LossKind::demonstration; }
bool solves(const GradedRollout& graded) { return graded.verdict.correct; }

SetSums sums_of(const PromptSet& set, const std::vector<Group>& groups) {
  SetSums sums;
  for (const Group& group : groups) {
    if (group.set != &set) continue;
    sums.groups += 1;
    sums.rollouts += static_cast<double>(group.rollouts.size());
    sums.solvable += std::any_of(group.rollouts.begin(), group.rollouts.end(), solves);
    for (const GradedRollout& graded : group.rollouts) {
      const Rollout& rollout = graded.rollout;
      sums.reward += graded.reward();
      sums.truncated += graded.truncated();
      sums.ungraded += graded.ungraded();
      sums.tokens += static_cast<double>(rollout.tokens.size());
      sums.neg_logprob_sum -= std::accumulate(rollout.logprobs.begin(), rollout.logprobs.end(), 0.0);
    }
  }
  return sums;
}

void add_advantage_metrics(const std::vector<Group>& groups, Json& row) {
  double n = 0, sum = 0, largest = 0, squares = 0;
  for (const Group& group : groups) {
    for (const double advantage : group.advantages) {
      n += 1;
      sum += advantage;
      largest = std::max(largest, std::abs(advantage));
    }
  }
  for (const Group& group : groups) {
    for (const double advantage : group.advantages) squares += std::pow(advantage - sum / n, 2);
  }
  row["advantage/mean"] = sum / n;
  row["advantage/std"] = std::sqrt(squares / n);
  row["advantage/max"] = largest;
}

void add_reward_metrics(const std::vector<Group>& groups, double transfer_temperature, Json& row) {
  double voted = 0, share = 0, correct = 0, rollouts = 0, reward = 0, dropped = 0;
  double successes = 0, reliance = 0, weight = 0;
  for (const Group& group : groups) {
    for (const double one : group.reliances) {
      successes += 1;
      reliance += one;
      weight += transfer_weight(one, transfer_temperature);
    }
    if (!group.majority) continue;
    voted += 1;
    share += group.majority->share;
    correct += group.majority->correct;
    rollouts += static_cast<double>(group.rollouts.size());
    for (std::size_t i = 0; i < group.rollouts.size(); ++i) {
      reward += group.rewards[i];
      dropped += group.drops(i);
    }
  }
  if (voted > 0) {
    row["vote/share"] = share / voted;
    row["vote/correct"] = correct / voted;
    row["vote/reward"] = reward / rollouts;
    row["vote/dropped"] = dropped / rollouts;
  }
  if (successes > 0) {
    row["reliance/mean"] = reliance / successes;
    row["reliance/weight"] = weight / successes;
  }
}

void add_set(const TrainJob& job, const EvalSet& set, bool guided, Json& row) {
  const int n = job.config.eval_samples;
  std::set<int> pass_at = {1, 8, 32, n};  // the paper's, as far as the samples go, and what these can show
  pass_at.erase(pass_at.upper_bound(n), pass_at.end());
  const EvalConfig config{
      .samples = n, .problems = job.config.eval_problems, .pass_at = {pass_at.begin(), pass_at.end()}};
  const SetResult result = evaluate_set(rollout_context(job), config, set.name, set.problems, guided);
  const std::string prefix = "eval/" + set.name + (guided ? "/guided/" : "/unguided/");
  for (const PassAtK& pass : result.pass)
    row[prefix + "pass@" + std::to_string(pass.k)] = pass.interval.value;
  row[prefix + "truncated"] = result.truncated;
  row[prefix + "ungraded"] = result.ungraded;
}

}  // namespace

void add_group_metrics(const TrainJob& job, const std::vector<PromptSet>& sets,
                       const std::vector<Group>& groups, Json& row) {
  for (const PromptSet& set : sets) {
    const SetSums sums = sums_of(set, groups);
    if (sums.groups == 0) continue;
    row["reward/" + set.name] = sums.reward / sums.rollouts;
    row["solvable/" + set.name] = sums.solvable / sums.groups;
    row["entropy/" + set.name] = sums.neg_logprob_sum / sums.tokens;
    row["length/" + set.name] = sums.tokens / sums.rollouts;
    row["truncated/" + set.name] = sums.truncated / sums.rollouts;
    row["ungraded/" + set.name] = sums.ungraded / sums.rollouts;
  }
  int all_fail = 0, all_pass = 0, no_signal = 0, demonstrated = 0;
  for (const Group& group : groups) {
    all_fail += std::none_of(group.rollouts.begin(), group.rollouts.end(), solves);
    all_pass += std::all_of(group.rollouts.begin(), group.rollouts.end(), solves);
    no_signal += !group.has_signal();
    demonstrated += std::any_of(group.sequences.begin(), group.sequences.end(), is_demonstration);
  }
  row["groups/total"] = groups.size();
  row["groups/all_fail"] = all_fail;
  row["groups/all_pass"] = all_pass;
  row["groups/no_signal"] = no_signal;
  if (takes_demonstrations(job.objective)) row["groups/demonstrated"] = demonstrated;
  add_advantage_metrics(groups, row);
  add_reward_metrics(groups, job.objective.transfer_temperature, row);
}

void add_learn_metrics(const TrainJob& job, const LearnResult& result, Json& row) {
  row["updates"] = result.updates;
  row["lr"] = result.lr;
  row["loss"] = result.loss;
  row["grad_norm"] = result.grad_norm;
  row["grad_clipped"] = result.grad_clipped;
  if (result.demonstration_tokens > 0) row["policy/demonstration"] = result.demonstration;
  if (job.objective.context_distillation) {
    row["context_distillation/masked"] = static_cast<double>(result.distillation.masked) /
                                         std::max<double>(1, static_cast<double>(result.distillation.tokens));
  }
  if (result.tokens == 0) return;  // nothing was forwarded: there is no ratio
  row["ratio/mean"] = result.ratio.mean;
  row["ratio/min"] = result.ratio.min;
  row["ratio/max"] = result.ratio.max;
  row["ratio/clipped"] = result.ratio.clipped();
  row["ratio/clipped_low"] = result.ratio.clipped_low;
  row["ratio/clipped_high"] = result.ratio.clipped_high;
  row["ratio/ess"] = result.ratio.effective_samples();
  if (result.gap) {
    row["train_sampler_mismatch/mean"] = result.gap->mean;
    row["train_sampler_mismatch/max"] = result.gap->max;
  }
  row["policy/entropy"] = result.entropy;
  if (job.objective.kl_coef != 0) row["policy/kl"] = result.kl;
  if (result.taught_tokens > 0) {
    row["self_distillation/kl"] = result.teacher_gap;
    row["self_distillation/taught"] =
        static_cast<double>(result.taught_tokens) / static_cast<double>(result.tokens);
  }
}

void add_seconds(const StageSeconds& seconds, double wall, Json& row) {
  row["time/step_s"] = wall;
  row["time/sample_s"] = seconds.sample;
  row["time/verify_s"] = seconds.verify;
  row["time/learn_s"] = seconds.learn;
  row["time/optimizer_s"] = seconds.optimizer;
  row["time/checkpoint_s"] = seconds.checkpoint;
  row["time/eval_s"] = seconds.eval;
  if (seconds.evolve > 0) row["time/evolve_s"] = seconds.evolve;
  row["time/sampler_wait_s"] = seconds.sampler_wait;
  row["time/learner_wait_s"] = seconds.learner_wait;
}

void add_publish_metrics(const PublishStats& before, const PublishStats& now, Json& row) {
  row["engine/published"] = now.times - before.times;
  if (now.times > 0) row["engine/gap"] = now.gap;
  row["time/publish_s"] = now.seconds - before.seconds;
}

void add_eval_metrics(const TrainJob& job, Json& row) {
  for (const EvalSet& set : job.eval_sets) {
    add_set(job, set, false, row);
    if (job.config.eval_guided && has_guidance(set.problems)) add_set(job, set, true, row);
  }
}

}  // namespace pope
