// Declarations of the learning options, one each, from which parsing, checks, help and docs follow; and what
// must hold of several of them together.
#include "learn/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/mixture.h"
#include "learn/curriculum.h"
#include "learn/rewards.h"
#include "rollout/engine.h"

namespace pope {
namespace {

// What `pope train` and `pope sft` share.
void add_checkpoint_options(Options& o, int& every, double& minutes, int& keep) {
  o.add("save_every", every, "checkpoint every so many steps; 0: as save_minutes says")
      .at_least(0)
      .may_change();
  o.add("save_minutes", minutes,
        "with save_every=0: checkpoint when so many minutes have passed since the last")
      .at_least(0)
      .may_change();
  o.add("keep", keep, "checkpoints kept").at_least(1).may_change();
}

}  // namespace

void ObjectiveConfig::fields(Options& o) {
  o.add("kind", kind, "policy loss; with luffy a demonstration joins each group").choices(objective_kinds());
  o.add(
       "reward", reward,
       "reward of a rollout: the verifier's verdict; whether it has the majority's answer, see section vote; "
       "or the verdict, of guided rollouts weighted by what they do not owe to the guidance")
      .choices(reward_names());
  o.add("transfer_temperature", transfer_temperature,
        "reward=transfer: nats per token of reliance on the guidance by which the reward falls to 1/e")
      .above(0);
  o.add("eps_low", eps_low, "ppo_clip: the ratio is clipped below at 1 - eps_low").range(0, 1);
  o.add("eps_high", eps_high, "ppo_clip: the ratio is clipped above at 1 + eps_high").at_least(0);
  o.add("dual_clip", dual_clip, "ppo_clip: where A < 0 the ratio weighs at most this; 0 = off")
      .above(1)
      .or_just(0);
  o.add("ratio_max", ratio_max, "truncated_is: the ratio is cut at this absolute value").above(0);
  o.add("aggregation", aggregation, "how token losses become one loss")
      .choices({"token_mean", "seq_mean", "seq_sum"});
  o.add("advantage", advantage, "advantage of a rollout within its group")
      .choices({"mean", "mean_std", "leave_one_out", "leave_one_out_std", "none"});
  o.add("advantage_eps", advantage_eps,
        "added to the standard deviation that mean_std, leave_one_out_std divide by")
      .at_least(0);
  o.add("pass_k", pass_k, "optimise pass@k: rewards become the weights of its gradient; 0 = off").at_least(0);
  o.add("entropy_coef", entropy_coef,
        "entropy bonus: the loss minus this times the entropy per token; 0 = off")
      .at_least(0);
  o.add("kl_coef", kl_coef, "the loss plus this times the KL to paths.reference per token; 0 = off")
      .at_least(0);
  o.add("policy_coef", policy_coef, "times the policy loss; 0 = only the terms that are added to it")
      .at_least(0);
  o.add("self_distillation", self_distillation,
        "the loss plus this times the reverse KL per token of rollouts without guidance to the same model "
        "under it; 0 = off")
      .at_least(0);
  o.add("self_distillation_over", self_distillation_over,
        "exact, over the vocabulary, or the policy gradient of the sampled token")
      .choices({"vocabulary", "token"});
  o.add("self_distillation_teacher", self_distillation_teacher,
        "the teacher's weights: the policy's (live), their moving average (ema, optimizer.ema_decay), or "
        "those of paths.reference (frozen)")
      .choices({"live", "ema", "frozen"});
  o.add("self_distillation_shows", self_distillation_shows,
        "what the teacher is shown: the guidance of the problem file, or the whole solution")
      .choices({"guidance", "solution"});
  o.add("demonstration", demonstration,
        "luffy: wording of the demonstration, with {solution} and {answer}; the end token is added");
  o.add("mask_truncated", mask_truncated, "leave truncated rollouts out of the loss and its denominators");
  o.add("regularize_without_signal", regularize_without_signal,
        "entropy bonus and KL also on groups whose rewards are all alike");
  o.add("context_distillation", context_distillation, "train guided rollouts under the unguided prompt");
  o.add(
       "distillation_low", distillation_low,
       "context distillation: no gradient of tokens whose probability under the unguided prompt is a smaller "
       "part of that under guidance")
      .range(0, 1);
  o.add("distillation_high", distillation_high, "... or a larger multiple").at_least(1);
  o.add("distillation_clip", distillation_clip,
        "those tokens have no gradient (hard), or one weighted with the bound over that ratio (soft)")
      .choices({"hard", "soft"});
}

void ObjectiveConfig::check_together() const {
  if (pass_k > 0 && takes_demonstrations(*this)) {
    refuse_setting("objective.pass_k", "0 with objective.kind=" + kind, std::to_string(pass_k),
                   "a demonstration is no sample of the policy, so that pass@k says nothing of it");
  }
  if (policy_coef == 0 && self_distillation == 0)
    refuse_setting("objective.policy_coef", "above 0 without objective.self_distillation", "0",
                   "nothing would be learned from");
}

void OptimizerConfig::fields(Options& o) {
  o.add("lr", lr, "peak learning rate of AdamW").at_least(0);
  o.add("beta1", beta1, "decay of the first moment").at_least(0).below(1);
  o.add("beta2", beta2, "decay of the second moment").at_least(0).below(1);
  o.add("eps", eps, "added to the root of the second moment").above(0);
  o.add("weight_decay", weight_decay, "decoupled weight decay; never on norms and biases").at_least(0);
  o.add("clip_norm", clip_norm, "global L2 norm to which the gradient is clipped; 0 = off").at_least(0);
  o.add("schedule", schedule, "learning rate after warm-up; cosine and linear fall to 0")
      .choices({"constant", "cosine", "linear"});
  o.add("warmup", warmup, "linear warm-up: steps when >= 1, part of all steps when < 1").at_least(0);
  o.add("ema_decay", ema_decay,
        "what the moving average of the weights keeps of itself at each optimiser step; read where a method "
        "needs the average")
      .at_least(0)
      .below(1);
  o.add("sharded", sharded,
        "several processes: each keeps the optimiser's moments of a part of the parameters alone (ZeRO-1)")
      .may_change();
}

void TrainConfig::fields(Options& o) {
  o.add("mode", mode, "sync: sample a batch, then learn from it; async: both at once, see section async")
      .choices({"sync", "async"});
  o.add(
       "guidance", guidance,
       "fixed: that of the problem file; evolved: templates that evolve between epochs (P2O), section p2o; "
       "adaptive: prefixes that follow success, section adaptive; search: longer and longer prefixes where a "
       "group fails, section search")
      .choices(curriculum_kinds());
  o.add("steps", steps, "training steps (batches of rollouts)").at_least(1).may_grow();
  o.add("prompts_per_step", prompts_per_step, "prompts, each a group, per step").at_least(1);
  o.add("rollouts_per_prompt", rollouts_per_prompt, "rollouts per group").at_least(2);
  o.add("updates_per_batch", updates_per_batch,
        "optimiser steps per pass over a step's batch, on disjoint parts of its groups")
      .at_least(1);
  o.add("epochs_per_batch", epochs_per_batch,
        "passes over a step's batch, with the logprobs of sampling: TRL's num_iterations, verl's ppo_epochs")
      .at_least(1);
  o.add("max_sampler_mismatch", max_sampler_mismatch,
        "stop when sampler and trainer differ by more nats per token on the same weights: the sampler runs "
        "other weights")
      .above(0)
      .may_change();
  o.add("skip_without_signal", skip_without_signal,
        "true: a batch without signal takes no optimiser step; false: one with zero gradients, as TRL and "
        "verl");
  o.add("stop_without_signal", stop_without_signal,
        "stop after so many steps in a row in which no group had both correct and wrong rollouts; 0 = never")
      .at_least(0)
      .may_change();
  o.add("micro_batch_tokens", micro_batch_tokens, "tokens per forward and backward").at_least(1).may_change();
  add_checkpoint_options(o, save_every, save_minutes, keep);
  o.add("rollouts_every", rollouts_every, "keep the rollouts of every so many steps; 0 = none")
      .at_least(0)
      .may_change();
  o.add("eval_every", eval_every,
        "evaluate on the eval sets every so many steps, first and last too; 0 = off")
      .at_least(0);
  o.add("eval_samples", eval_samples,
        "rollouts per problem of an evaluation: pass@1, 8, 32 as far as they go")
      .at_least(1);
  o.add("eval_problems", eval_problems, "of each eval set only the first so many problems; 0 = all")
      .at_least(0);
  o.add("eval_guided", eval_guided, "evaluate also under guidance, where problems of an eval set carry it");
}

void TrainConfig::check_together() const {
  if (updates_per_batch > prompts_per_step) {
    refuse_setting("train.updates_per_batch",
                   fmt::format("at most train.prompts_per_step ({})", prompts_per_step),
                   std::to_string(updates_per_batch), "each update takes groups of its own");
  }
}

void AsyncConfig::fields(Options& o) {
  o.add("buffer", buffer, "most finished groups that wait for the trainer")
      .at_least(1)
      .renamed_from("stream.buffer");
  o.add("on_full", on_full,
        "a full buffer: drop its oldest group, so that sampling never waits, or wait. With max_lag it is "
        "never full")
      .choices({"drop", "wait"})
      .renamed_from("stream.on_full");
  o.add("max_lag", max_lag,
        "most steps by which the weights that sampled a token may be older than those that learn from it; "
        "0: sampling and learning take turns, as in sync; -1: no bound")
      .at_least(-1)
      .renamed_from("stream.max_lag");
  o.add("replay", replay, "schedule.jsonl of an async run with the same settings, to repeat it exactly")
      .renamed_from("stream.replay");
}

void P2oConfig::fields(Options& o) {
  o.add("near_hard", near_hard,
        "a problem with one correct rollout in an epoch is hard in the next, as one with none");
  o.add("min_hard", min_hard,
        "with fewer hard problems nothing is evolved, and the next epoch has no templates")
      .at_least(1);
  o.add("per_rollout", per_rollout, "each rollout of a group has a template of its own; false: one for all");
}

void AdaptiveConfig::fields(Options& o) {
  o.add("target", target, "success rate under guidance that the length of a problem's prefix follows")
      .range(0, 1);
  o.add("step", step, "parts of the solution by which it moves per unit of (target - rate)").above(0);
  o.add("max_fraction", max_fraction, "no prefix is longer than this part of the solution").range(0, 1);
  o.add("boundary", boundary, "where solutions are cut").choices({"auto", "line", "word"});
}

void SearchConfig::fields(Options& o) {
  o.add("stages", stages,
        "prefixes tried where a group fails: 1/(stages+1), 2/(stages+1), ... of the solution")
      .at_least(1);
  o.add("joins", joins, "correct rollouts under the first prefix with any that join the group at most")
      .at_least(1);
  o.add("boundary", boundary, "where solutions are cut").choices({"auto", "line", "word"});
}

void RetireConfig::fields(Options& o) {
  o.add("above", above,
        "problems leave the mixture when their success rate without guidance is at least this; 0: never")
      .range(0, 1);
  o.add("groups", groups, "... in so many of their groups in a row").at_least(1);
  o.add(
       "every", every,
       "of the draws of a problem that has left one in so many is kept; it comes back when its rate is lower")
      .at_least(1);
}

void VoteConfig::fields(Options& o) {
  o.add("momentum_rollouts", momentum_rollouts,
        "rollouts per prompt of the moving average of the weights (optimizer.ema_decay), which vote beside "
        "train.rollouts_per_prompt of the policy and are not learned from")
      .at_least(0);
  o.add("drop_below", drop_below,
        "rollouts whose mean entropy lies more than this times the quartiles' distance below the first "
        "quartile of their group are not learned from; 0 = all are")
      .at_least(0);
}

void SftConfig::fields(Options& o) {
  o.add("epochs", epochs, "passes over the examples; may be a fraction").above(0).at_most(1e6).may_grow();
  o.add("batch_size", batch_size, "examples per optimiser step").at_least(1);
  o.add("max_tokens", max_tokens, "longer examples (prompt and target) are dropped and counted").at_least(1);
  o.add("micro_batch_tokens", micro_batch_tokens, "tokens per forward and backward").at_least(1).may_change();
  o.add("target", target, "wording of the target: {solution} and {answer}; the end token is added");
  add_checkpoint_options(o, save_every, save_minutes, keep);
}

bool needs_ema(const ObjectiveConfig& config, const VoteConfig& vote) {
  return vote.momentum_rollouts > 0 ||
         (config.self_distillation > 0 && config.self_distillation_teacher == "ema");
}

bool needs_reference(const ObjectiveConfig& config) {
  return config.kl_coef != 0 ||
         (config.self_distillation > 0 && config.self_distillation_teacher == "frozen");
}

void check_rl(const TrainConfig& train, const AsyncConfig& async, const ObjectiveConfig& objective,
              const OptimizerConfig& optimizer, const SamplingConfig& sampling) {
  if (!(sampling.temperature > 0)) {
    refuse_setting("sampling.temperature", "above 0", fmt::to_string(sampling.temperature),
                   "greedy sampling explores nothing and has no ratio; use 1.0");
  }
  if (objective.pass_k > 0 && train.guidance == "search")
    refuse_setting(
        "objective.pass_k", "0 with train.guidance=search", std::to_string(objective.pass_k),
        "rollouts that a prefix was needed for are no samples of the prompt whose pass@k is meant");
  if (objective.pass_k > train.rollouts_per_prompt) {
    refuse_setting("objective.pass_k",
                   fmt::format("at most train.rollouts_per_prompt ({})", train.rollouts_per_prompt),
                   std::to_string(objective.pass_k));
  }
  check_warmup(optimizer, train.steps);
  if (train.mode == "sync") {
    if (!async.replay.empty())
      refuse_setting("train.mode", "async for async.replay", "sync", "set train.mode=async");
    return;
  }
  const std::int64_t least = train.prompts_per_step * (std::max<std::int64_t>(async.max_lag, 0) + 1);
  if (async.buffer < least) {
    refuse_setting(
        "async.buffer",
        fmt::format("at least {}, train.prompts_per_step for each step of async.max_lag and one", least),
        std::to_string(async.buffer), fmt::format("set async.buffer={}", least));
  }
}

void check_guidance(const TrainConfig& train, const RetireConfig& retire, const MixtureConfig& mixture) {
  const std::string guidance = "train.guidance=" + train.guidance;
  const bool adapts = train.guidance != "fixed" || retire.above > 0;
  if (adapts && train.mode != "sync") {
    refuse_setting("train.mode", "sync with " + (retire.above > 0 ? "retire.above" : guidance), train.mode,
                   "what a step samples follows from the steps before it");
  }
  if (retire.above > 0 && mixture.unguided == 0)
    refuse_setting("retire.above", "0 with mixture.unguided=0", fmt::to_string(retire.above),
                   "problems retire by their success without guidance");
  if (train.guidance == "adaptive" && mixture.guided == 0)
    refuse_setting("mixture.guided", "above 0 with " + guidance, "0", "no guided prompt would be drawn");
  if (train.guidance == "search" && mixture.unguided == 0)
    refuse_setting("mixture.unguided", "above 0 with " + guidance, "0",
                   "groups without guidance are those that it searches for");
  if (train.guidance != "evolved") return;
  if (mixture.guided != 0 || mixture.easy != 0)
    refuse_setting("mixture", "guided=0 and easy=0 with " + guidance,
                   fmt::format("guided={} and easy={}", mixture.guided, mixture.easy),
                   "an epoch is a pass over the problems; guidance in their file is not shown");
  if (retire.above > 0)
    refuse_setting("retire.above", "0 with " + guidance, fmt::to_string(retire.above),
                   "an epoch is a pass over the problems");
}

void check_rewards(const TrainConfig& train, const ObjectiveConfig& objective, const VoteConfig& vote,
                   const RetireConfig& retire, const MixtureConfig& mixture) {
  const std::string reward = "objective.reward=" + objective.reward;
  if (vote.momentum_rollouts > 0 && objective.reward != "majority")
    refuse_setting("vote.momentum_rollouts", "0 with " + reward, std::to_string(vote.momentum_rollouts),
                   "set objective.reward=majority");
  if (objective.reward == "verifier") return;
  if (train.mode != "sync")
    refuse_setting("train.mode", "sync with " + reward, train.mode,
                   "rewards follow from the weights as they are when a step is sampled");
  if (objective.reward == "transfer") {
    if (mixture.guided == 0 && train.guidance == "fixed")
      refuse_setting("mixture.guided", "above 0 with " + reward, "0", "no guided prompt would be drawn");
    if (objective.pass_k > 0)
      refuse_setting("objective.pass_k", "0 with " + reward, std::to_string(objective.pass_k),
                     "pass@k counts rewards of 0 and 1");
    return;
  }
  const char* why = "the majority stands in the place of a reference answer, which no part may use";
  if (mixture.guided > 0)
    refuse_setting("mixture.guided", "0 with " + reward, fmt::to_string(mixture.guided), why);
  if (train.guidance != "fixed")
    refuse_setting("train.guidance", "fixed with " + reward, train.guidance, why);
  if (retire.above > 0) refuse_setting("retire.above", "0 with " + reward, fmt::to_string(retire.above), why);
  if (takes_demonstrations(objective))
    refuse_setting("objective.kind", "one without demonstrations with " + reward, objective.kind, why);
}

void check_warmup(const OptimizerConfig& optimizer, std::int64_t steps) {
  if (optimizer.warmup > static_cast<double>(std::max<std::int64_t>(steps, 1))) {
    refuse_setting("optimizer.warmup", fmt::format("at most the {} steps of the run", steps),
                   fmt::to_string(optimizer.warmup), "0.1 is a tenth of the steps, however many these are");
  }
}

}  // namespace pope
