// The table of metrics. Definitions are Markdown and stand in a table's cell: one line, no "|".
#include "core/metrics.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pope {
namespace {

const MetricGroup kSampled = {
    "What was sampled",
    "A step of `pope train` samples a batch of groups (the rollouts of one prompt), grades them, and takes "
    "`train.updates_per_batch` · `train.epochs_per_batch` optimiser steps. Row `\"step\": 0` holds the "
    "evaluation before training, where "
    "evaluation is on.",
    {{"step", "count", "Step", "training steps done, this one included; `pope sft`: optimiser steps"},
     {"reward/{set}", "0 … 1", "Reward, {set} prompts",
      "mean reward of the set's rollouts in this step. The reward is 1 when the verifier finds the "
      "completion correct and it came to its end, else 0; a truncated rollout always gets 0",
      2},
     {"solvable/{set}", "0 … 1", "Solvable prompts, {set}",
      "fraction of the set's groups in this step with at least one reward of 1", 3},
     {"entropy/{set}", "nats", "Entropy, {set} prompts",
      "−(Σ behaviour logprob) / (number of sampled tokens): an unbiased estimate, from the sampled tokens "
      "themselves, of the policy's mean entropy per token at the sampling temperature",
      5},
     {"length/{set}", "tokens", "Completion length, {set} prompts",
      "mean number of sampled tokens per rollout, the end token included", 6},
     {"truncated/{set}", "0 … 1", "Truncated rollouts, {set} prompts",
      "fraction of rollouts cut off at `sampling.max_new_tokens`", 7},
     {"ungraded/{set}", "0 … 1", "Ungraded rollouts, {set} prompts",
      "fraction of rollouts that the verifier could not judge (over its budget, grader failed), truncated "
      "ones aside: no reward"},
     {"groups/total", "count", "Groups", "groups in this step"},
     {"groups/all_fail", "count", "Groups in which all fail", "groups in which every reward is 0"},
     {"groups/all_pass", "count", "Groups in which all pass", "groups in which every reward is 1"},
     {"groups/no_signal", "count", "Groups without signal",
      "groups whose advantages are all zero; with rewards of 0 and 1, `all_fail` + `all_pass`. They add "
      "exactly zero to the policy loss and its gradient and, without `objective.entropy_coef`, `kl_coef` and "
      "`self_distillation`, are not forwarded; their rollouts and tokens stay in the loss's denominators",
      4},
     {"groups/demonstrated", "count", "Groups with a demonstration",
      "`objective.kind=luffy` only: groups that a demonstration joined"},
     {"advantage/mean", "–", "Advantage, mean",
      "mean of the advantages of the step's rollouts, as they enter the loss: no clipping, truncated ones "
      "counted also under `objective.mask_truncated`. Zero but for rounding where the baseline is the mean "
      "of the group's rollouts"},
     {"advantage/std", "–", "Advantage, standard deviation",
      "standard deviation of the advantages (over n, not n − 1)"},
     {"advantage/max", "–", "Advantage, largest", "largest absolute advantage"},
     {"rollouts/total", "count", "Rollouts",
      "rollouts sampled for training since step 1, those of `search/rollouts` and of the momentum policy "
      "(`vote.momentum_rollouts`) among them, evaluation not counted. In async mode: those learned from, "
      "dropped ones not counted"},
     {"rollouts/hard", "count", "Rollouts of hard problems",
      "rollouts of the hard problems, unguided and guided: all but those of the easy set"},
     {"tokens/sampled", "count", "Sampled tokens", "tokens of the rollouts in `rollouts/total`"}}};

const MetricGroup kLearned = {
    "What was learned",
    "Means are over sampled tokens; those of demonstrations count in `policy/demonstration` alone. "
    "`ratio/…`, "
    "`train_sampler_mismatch/…` and `policy/…` are missing from a step in which nothing was forwarded: no "
    "group had signal, and "
    "there is no regulariser.",
    {{"updates", "count", "Optimiser steps",
      "optimiser steps taken in this step: `train.updates_per_batch` · `train.epochs_per_batch`. A part of "
      "the batch without any signal takes one, too, with a gradient of zeros: momentum goes on, moments and "
      "weights decay. With `train.skip_without_signal=true` it takes none: weights and moments stay as they "
      "are, while the step, and with it the learning rate schedule, goes on"},
     {"lr", "–", "Learning rate",
      "learning rate of the step, by `optimizer.schedule` and `optimizer.warmup` over all steps"},
     {"loss", "–", "Loss",
      "`pope train`: the objective's loss, regularisers included, aggregated by `objective.aggregation` over "
      "all rollouts (`objective.mask_truncated`: all that are not truncated) of the optimiser batch; mean "
      "over the updates, those without signal counting as 0; 0 without updates. Its value means little on "
      "its own: on-policy it is near zero while its gradient is not. `pope sft`: mean negative "
      "log-likelihood, in nats, over the target tokens of the batch (`sft.batch_size` examples); prompt and "
      "guidance tokens are not targets"},
     {"grad_norm", "–", "Gradient norm",
      "global L2 norm of the gradient before clipping; mean over the updates, those without signal counting "
      "as 0; 0 without updates",
      8},
     {"grad_clipped", "0 … 1", "Updates whose gradient was clipped",
      "fraction of the updates whose gradient had a norm above `optimizer.clip_norm`; 0 without updates, or "
      "where clipping is off"},
     {"ratio/mean", "–", "Importance ratio, mean",
      "mean over the forwarded tokens of ρ = exp(logprob now − behaviour logprob), not clipped. Behaviour "
      "logprobs are those recorded while sampling, in every update and epoch. Forwarded tokens: those of all "
      "updates, so that a token counts once per epoch"},
     {"ratio/min", "–", "Importance ratio, smallest", "smallest ρ"},
     {"ratio/max", "–", "Importance ratio, largest", "largest ρ"},
     {"ratio/clipped", "0 … 1", "Clipped tokens",
      "fraction of forwarded tokens whose ρ the objective bounds. `ppo_clip`: A > 0 and ρ > 1 + ε_high, or A "
      "< 0 and ρ < 1 − ε_low or, with `dual_clip`, ρ > dual_clip; `luffy` alike. `truncated_is`: ρ > "
      "ratio_max"},
     {"ratio/clipped_low", "0 … 1", "Tokens clipped at the lower bound",
      "the part of `ratio/clipped` at the lower bound: ρ < 1 − ε_low; 0 with `truncated_is`"},
     {"ratio/clipped_high", "0 … 1", "Tokens clipped at an upper bound",
      "the part of `ratio/clipped` at an upper bound"},
     {"ratio/ess", "0 … 1", "Effective sample size",
      "effective sample size of the forwarded tokens as part of their number N: (Σρ)² / (N·Σρ²). 1 "
      "on-policy"},
     {"train_sampler_mismatch/mean", "nats", "Mismatch of trainer and sampler, mean",
      "mean of abs(trainer logprob − sampler logprob) per token on the first update of the step, where both "
      "have the same weights. Rounding only; grows with bf16. In async mode it holds what the policy moved "
      "since, too. Tokens whose logprob the engine did not tell are left out; where it told none, as vLLM at "
      "another temperature than 1, it is missing, and nothing is checked. Missing also where the first "
      "update had "
      "no tokens: it has moved the weights of the later ones"},
     {"train_sampler_mismatch/max", "nats", "Mismatch of trainer and sampler, largest",
      "the largest difference in `train_sampler_mismatch/mean`"},
     {"policy/entropy", "nats", "Entropy, exact",
      "mean over the forwarded tokens of the exact entropy of the distribution they were drawn from, under "
      "the weights before the update"},
     {"policy/kl", "nats", "KL to the reference",
      "with `objective.kl_coef` only: mean over the forwarded tokens of e^d − d − 1, d = reference logprob − "
      "logprob (k3): an estimate of KL(policy ‖ reference) per token"},
     {"context_distillation/masked", "0 … 1", "Tokens masked by context distillation",
      "`objective.context_distillation` only: part of the tokens of guided rollouts that have no say (with "
      "`distillation_clip=soft`, another weight), since their probability under the unguided prompt, as a "
      "multiple of that under guidance, leaves "
      "[`distillation_low`, `distillation_high`]"},
     {"self_distillation/kl", "nats", "KL to the teacher",
      "`objective.self_distillation` only: mean over the tokens that a teacher has read of KL(policy ‖ "
      "teacher), the teacher seeing the guidance and the policy not, before the update; with "
      "`self_distillation_over=token` of log π − log π_teacher of the sampled token, an estimate of it"},
     {"self_distillation/taught", "0 … 1", "Tokens with a teacher",
      "part of the forwarded tokens that a teacher has read"},
     {"policy/demonstration", "0 … 1", "Probability of the demonstrations' tokens",
      "`objective.kind=luffy` only: mean probability that the policy gives the tokens of the demonstrations "
      "in the batch"},
     {"tokens", "count", "Target tokens", "`pope sft` only: target tokens trained on since step 1"}}};

const MetricGroup kAsync = {
    "Async mode",
    "With `train.mode=async` only. Of the groups that the step learned from.",
    {{"async/lag_mean", "versions", "Lag of tokens, mean",
      "mean over the sampled tokens of: policy version when the step began − version that sampled the "
      "token. A version is an optimiser step"},
     {"async/lag_max", "versions", "Lag of tokens, largest",
      "largest lag of a token; at most `async.max_lag` · `train.updates_per_batch` · "
      "`train.epochs_per_batch` where "
      "that is set"},
     {"async/mixed", "0 … 1", "Rollouts of more than one version",
      "fraction of the rollouts that were sampled by more than one version: the weights changed in flight"},
     {"async/dropped", "count", "Dropped groups",
      "groups that the full buffer gave up since the step before"},
     {"async/buffered", "count", "Buffered groups",
      "groups left in the buffer when the step began; where `async.max_lag` is set, those finished before "
      "an older one are not in it yet"}}};

const MetricGroup kServers = {
    "Weights on servers",
    "With `engine.kind=http` only.",
    {{"engine/published", "count", "Publications",
      "times that weights went to the servers since the row before: one a step, unless "
      "`engine.publish_every` "
      "says less often; none in a step whose rollouts were all in the journal"},
     {"engine/gap", "nats", "Gap of published weights",
      "mean of abs(logprob at the server − logprob here) per token of a few samples after the last "
      "publication, "
      "of the server where it is largest. Rounding only; above `engine.max_gap` the run stops"},
     {"engine/lag_max", "versions", "Lag of rollouts, largest",
      "sync mode: policy version when the step was sampled − version that the servers had; 0 with "
      "`engine.publish_every=1`"}}};

const MetricGroup kP2o = {
    "Evolved guidance",
    "With `train.guidance=evolved` only (P²O). An epoch is a pass over the problems; templates evolve "
    "between "
    "two epochs, on the problems that were hard in the first, and stand in front of these in the second: "
    "their "
    "groups are the set `guided`, all others `unguided`.",
    {{"p2o/epoch", "count", "Epoch", "epochs begun, this one included"},
     {"p2o/hard", "count", "Problems under templates",
      "problems that are sampled under templates in this epoch: those that were hard in the one before"},
     {"p2o/found", "count", "Hard problems found",
      "problems found hard so far in this epoch: no rollout of the group was correct or, with "
      "`p2o.near_hard`, "
      "one"},
     {"p2o/templates", "count", "Templates",
      "templates that rollouts are drawn under in this epoch: the greedy cover of the dev set"},
     {"p2o/solved", "count", "Dev problems solved", "problems of the dev set that these templates solve"},
     {"p2o/seed_mean", "0 … 1", "Dev score without a template",
      "mean score of the dev set without a template when this epoch's templates evolved; 0 where none did"},
     {"p2o/best_mean", "0 … 1", "Dev score of the best template", "likewise, under the best template"},
     {"p2o/metric_calls", "count", "Metric calls",
      "evaluations of a template on a problem, in all evolutions"},
     {"p2o/rollouts", "count", "Rollouts of evolutions",
      "rollouts of these evaluations. They are not in `rollouts/total`: a fair comparison adds both"},
     {"p2o/tokens", "count", "Tokens of evolutions", "tokens of these rollouts"},
     {"p2o/reflection_tokens", "count", "Tokens of reflections",
      "tokens of the reflection model's prompts and replies, in all evolutions"}}};

const MetricGroup kAdapting = {
    "Guidance and draws that adapt",
    "`adaptive/…` with `train.guidance=adaptive`, `search/…` with `train.guidance=search`, `retire/…` with "
    "`retire.above` above 0.",
    {{"adaptive/fraction", "0 … 1", "Length of prefixes",
      "mean over the problems of the part of the solution that their guided prompts are to tell"},
     {"adaptive/shown", "count", "Groups under guidance",
      "groups of this step that were shown guidance; guided draws from whose problem it is withdrawn count "
      "as "
      "unguided"},
     {"search/searched", "count", "Groups sampled again",
      "groups of this step without a correct rollout that were sampled again under prefixes"},
     {"search/found", "count", "Groups with a prefix that works",
      "of these, those that a correct rollout joined"},
     {"search/fraction", "0 … 1", "Prefix that works",
      "mean over those groups of the part of the solution that the prefix told; missing where there are "
      "none"},
     {"search/rollouts", "count", "Rollouts under prefixes",
      "rollouts sampled under prefixes since step 1; they are in `rollouts/total`, too"},
     {"retire/retired", "count", "Retired problems", "problems that have left the mixture after this step"},
     {"retire/returned", "count", "Problems that came back", "returns to the mixture since step 1"}}};

const MetricGroup kRewards = {
    "Where rewards come from",
    "`vote/…` with `objective.reward=majority`, `reliance/…` with `objective.reward=transfer`, in steps with "
    "a "
    "guided success. `reward/…`, `solvable/…` and `groups/all_…` are the verifier's all the same.",
    {{"vote/share", "0 … 1", "Share of the majority",
      "mean over groups of the part of the rollouts, those of the momentum policy included, that have the "
      "majority's answer"},
     {"vote/correct", "0 … 1", "Majorities that are right",
      "fraction of groups whose majority has a correct answer; measured with the reference answer, which "
      "training does not see"},
     {"vote/reward", "0 … 1", "Reward by the vote",
      "fraction of the policy's rollouts that have the majority's answer"},
     {"vote/dropped", "0 … 1", "Rollouts dropped for low entropy",
      "fraction of the policy's rollouts that `vote.drop_below` leaves out"},
     {"reliance/mean", "nats", "Reliance on the guidance",
      "mean over guided successes of R, the mean over tokens of log μ(y_t with guidance) − log π(y_t without "
      "it)"},
     {"reliance/weight", "0 … 1", "Transfer weight",
      "mean over guided successes of exp(−max(R, 0) / `objective.transfer_temperature`), their reward"}}};

const MetricGroup kEvaluated = {
    "Evaluation",
    "Every `train.eval_every` steps, before the first and after the last, on each of the eval sets. K = "
    "`train.eval_samples` rollouts per "
    "problem, drawn from the same random streams each time, so that two evaluations of a run differ by the "
    "weights alone.",
    {{"eval/{set}/{prompt}/pass@{k}", "0 … 1", "pass@{k} on {set}, {prompt}",
      "mean over problems of the unbiased pass@k from K samples: the probability that one of k rollouts is "
      "correct; a truncated rollout counts as wrong. k = 1, 8 and 32 below K, and K itself: at least one is "
      "correct. The paper's solvable fraction is pass@8; for its pass@32 set `train.eval_samples=32`",
      1},
     {"eval/{set}/{prompt}/truncated", "0 … 1", "Truncated rollouts on {set}, {prompt}",
      "fraction of rollouts cut off"},
     {"eval/{set}/{prompt}/ungraded", "0 … 1", "Ungraded rollouts on {set}, {prompt}",
      "fraction of rollouts that the verifier could not judge, truncated ones aside; they count as "
      "wrong"}}};

const MetricGroup kTime = {
    "Time",
    "In async mode, sampling runs beside the rest.",
    {{"time/step_s", "s", "Time, step", "time since the row before"},
     {"time/sample_s", "s", "Time, sampling",
      "sampling the step's rollouts; in async mode: what the sampling thread worked since the row before, "
      "verifying and waiting for slow graders included"},
     {"time/verify_s", "s", "Time, verifying",
      "of the sampling thread: decoding and verifying rollouts, or waiting for slow graders that run beside "
      "it; "
      "0 in async mode"},
     {"time/learn_s", "s", "Time, forward and backward", "forward and backward"},
     {"time/optimizer_s", "s", "Time, optimiser", "clipping, AdamW, publishing the weights"},
     {"time/checkpoint_s", "s", "Time, checkpoints",
      "saving checkpoints since the row before, that is: the checkpoint of the step before"},
     {"time/eval_s", "s", "Time, evaluation", "evaluation"},
     {"time/publish_s", "s", "Time, publishing",
      "`engine.kind=http` only: writing weights, and servers loading and proving them; part of "
      "`time/sample_s`"},
     {"time/evolve_s", "s", "Time, evolution",
      "`train.guidance=evolved` only: the evolution of templates before the step"},
     {"time/sampler_wait_s", "s", "Time, sampler waiting",
      "sampling stood still: for the trainer or, in async mode, for an update or because of "
      "`async.max_lag` or a full buffer. Over `time/step_s` it is the sampler's idle fraction"},
     {"time/learner_wait_s", "s", "Time, trainer waiting",
      "the trainer waited for rollouts or, in async mode, for the end of a decode step (and for slow "
      "graders, where sampling stands at its bound). Over `time/step_s` it is the trainer's idle fraction"}}};

constexpr auto kHead = R"(# Metrics

<!-- Made from src/core/metrics.cpp by `make docs`. -->

Every key that `pope train` and `pope sft` write to `RUN/metrics.jsonl`: one JSON object per line, one line per step.
In braces: `{set}` is a prompt set of the mixture, `unguided` (hard problems as they are), `guided` (the same under guidance) or
`easy`, and in `eval/…` an eval set; `{prompt}` is `unguided` or `guided`; `{k}` is a number. `pope sft` writes `step`, `loss`, `lr`,
`grad_norm`, `tokens`, `time/learn_s`, `time/optimizer_s` and `time/checkpoint_s`. What `pope eval` measures is in
[formats.md](formats.md#evaluations).

All keys are functions of (config, seed, step), so a run that was killed and resumed has the same rows as an unbroken one;
only `time/…` differs. With `train.mode=async` and another `async.max_lag` than 0 they are functions of these and the
schedule (`schedule.jsonl`, [formats.md](formats.md#run-directories)). A row is written before the step's checkpoint; rows newer than the checkpoint that a run resumes
from are dropped and made again.

TensorBoard shows the same numbers, rounded to 32 bits, with the keys as tags: `tensorboard --logdir runs`. They are in one event
file in `RUN/tensorboard`. A run that goes on makes it anew from `metrics.jsonl`; the rows from before then have wall times counted
back by `time/step_s`. `metrics.tensorboard=false` writes none.
)";

// Whether `key` has this pattern; fills in what its braces stand for, the first as much as they can: a set's
// name may hold "/".
bool match(std::string_view pattern, std::string_view key, std::map<std::string, std::string>& values) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == key;
  if (pattern.substr(0, open) != key.substr(0, open)) return false;
  const std::size_t close = pattern.find('}', open);
  const std::string_view name = pattern.substr(open + 1, close - open - 1);
  for (std::size_t length = key.size() - open; length > 0; --length) {
    const std::string_view value = key.substr(open, length);
    if (name == "k" && value.find_first_not_of("0123456789") != std::string_view::npos) continue;
    if (!match(pattern.substr(close + 1), key.substr(open + length), values)) continue;
    values[std::string(name)] = value;
    return true;
  }
  return false;
}

}  // namespace

void MetricsConfig::fields(Options& o) {
  o.add("tensorboard", tensorboard, "train, sft: also write TensorBoard event files, in RUN/tensorboard")
      .may_change();
}

const std::vector<MetricGroup>& metric_groups() {
  static const std::vector<MetricGroup> groups = {kSampled,  kLearned, kAsync,     kServers, kP2o,
                                                  kAdapting, kRewards, kEvaluated, kTime};
  return groups;
}

std::string NamedMetric::title() const {
  std::string text(metric->title);
  for (const auto& [name, value] : values) {
    const std::string brace = "{" + name + "}";
    const std::size_t at = text.find(brace);
    if (at != std::string::npos) text.replace(at, brace.size(), value);
  }
  return text;
}

std::optional<NamedMetric> find_metric(std::string_view key) {
  for (const MetricGroup& group : metric_groups()) {
    for (const Metric& metric : group.metrics) {
      NamedMetric named{&metric, {}};
      if (match(metric.key, key, named.values)) return named;
    }
  }
  return std::nullopt;
}

void check_metrics(const Json& row) {
  for (const auto& [key, value] : row.items()) {
    if (find_metric(key)) continue;
    throw Error("metrics", "expected keys that are declared, got '" + key + "'",
                "declare it, with unit and definition, in src/core/metrics.cpp");
  }
}

std::string metrics_page() {
  std::string page = kHead;
  for (const MetricGroup& group : metric_groups()) {
    page +=
        fmt::format("\n## {}\n{}\n\n| key | unit | definition |\n|---|---|---|\n", group.title, group.about);
    for (const Metric& metric : group.metrics)
      page += fmt::format("| `{}` | {} | {} |\n", metric.key, metric.unit, metric.definition);
  }
  return page;
}

}  // namespace pope
