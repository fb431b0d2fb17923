// Declarations of the learning options: one line each, from which parsing, printing and docs follow.
#include "learn/config.h"

namespace pope {

void ObjectiveConfig::fields(Options& o) {
  o.add("kind", kind, "policy loss: ppo_clip | truncated_is | luffy (a demonstration joins each group)");
  o.add("eps_low", eps_low, "ppo_clip: the ratio is clipped below at 1 - eps_low");
  o.add("eps_high", eps_high, "ppo_clip: the ratio is clipped above at 1 + eps_high");
  o.add("dual_clip", dual_clip, "ppo_clip: where A < 0 the ratio weighs at most this; above 1, or 0 = off");
  o.add("ratio_max", ratio_max, "truncated_is: the ratio is cut at this absolute value");
  o.add("aggregation", aggregation, "token losses to one loss: seq_sum | token_mean | seq_mean");
  o.add("advantage", advantage,
        "advantage within a group: mean | mean_std | leave_one_out | leave_one_out_std | none");
  o.add("advantage_eps", advantage_eps,
        "added to the standard deviation that mean_std, leave_one_out_std divide by");
  o.add("pass_k", pass_k, "optimise pass@k: rewards become the weights of its gradient; 0 = off");
  o.add("entropy_coef", entropy_coef,
        "entropy bonus: the loss minus this times the entropy per token; 0 = off");
  o.add("kl_coef", kl_coef, "the loss plus this times the KL to paths.reference per token; 0 = off");
  o.add("demonstration", demonstration,
        "luffy: wording of the demonstration, with {solution} and {answer}; the end token is added");
  o.add("mask_truncated", mask_truncated, "leave truncated rollouts out of the loss and its denominators");
  o.add("regularize_without_signal", regularize_without_signal,
        "entropy bonus and KL also on groups whose rewards are all alike");
  o.add("context_distillation", context_distillation, "train guided rollouts under the unguided prompt");
  o.add(
      "distillation_low", distillation_low,
      "context distillation: no gradient of tokens whose probability under the unguided prompt is a smaller "
      "part of that under guidance");
  o.add("distillation_high", distillation_high, "... or a larger multiple");
}

void OptimizerConfig::fields(Options& o) {
  o.add("lr", lr, "peak learning rate of AdamW");
  o.add("beta1", beta1, "decay of the first moment");
  o.add("beta2", beta2, "decay of the second moment");
  o.add("eps", eps, "added to the root of the second moment");
  o.add("weight_decay", weight_decay, "decoupled weight decay; never on norms and biases");
  o.add("clip_norm", clip_norm, "global L2 norm to which the gradient is clipped; 0 = off");
  o.add("schedule", schedule, "learning rate after warm-up: constant | cosine (to 0) | linear (to 0)");
  o.add("warmup", warmup, "linear warm-up: steps when >= 1, part of all steps when < 1");
}

void TrainConfig::fields(Options& o) {
  o.add("mode", mode, "sync: sample a batch, learn from it, in turn | streaming: both at once, see stream");
  o.add("steps", steps, "training steps (batches of rollouts)");
  o.add("prompts_per_step", prompts_per_step, "prompts, each a group, per step");
  o.add("rollouts_per_prompt", rollouts_per_prompt, "rollouts per group, at least 2");
  o.add("updates_per_batch", updates_per_batch,
        "optimiser steps per pass over a step's batch, on disjoint parts of its groups");
  o.add("epochs_per_batch", epochs_per_batch,
        "passes over a step's batch, with the logprobs of sampling: TRL's num_iterations, verl's ppo_epochs");
  o.add("max_sampler_mismatch", max_sampler_mismatch,
        "stop when sampler and trainer differ by more nats per token on the same weights: the sampler runs "
        "other weights");
  o.add("skip_without_signal", skip_without_signal,
        "true: a batch without signal takes no optimiser step; false: one with zero gradients, as TRL and "
        "verl");
  o.add("micro_batch_tokens", micro_batch_tokens, "tokens per forward and backward");
  o.add("save_every", save_every, "checkpoint every so many steps");
  o.add("keep", keep, "checkpoints kept");
  o.add("rollouts_every", rollouts_every, "keep the rollouts of every so many steps; 0 = none");
  o.add("eval_every", eval_every,
        "evaluate on the eval sets every so many steps, first and last too; 0 = off");
  o.add("eval_samples", eval_samples,
        "rollouts per problem of an evaluation: pass@1, 8, 32 as far as they go");
  o.add("eval_problems", eval_problems, "of each eval set only the first so many problems; 0 = all");
  o.add("eval_guided", eval_guided, "evaluate also under guidance, where problems of an eval set carry it");
}

void StreamConfig::fields(Options& o) {
  o.add("buffer", buffer, "groups that are finished and wait for the trainer at most");
  o.add("on_full", on_full,
        "a full buffer: drop (the oldest group; sampling never waits) | wait. With max_lag it is never full");
  o.add("max_lag", max_lag,
        "training steps that a token may be older than the weights it trains; 0 = train.mode=sync; -1 = any");
  o.add("replay", replay, "schedule.jsonl of a streaming run with the same settings, to repeat it exactly");
}

void SftConfig::fields(Options& o) {
  o.add("epochs", epochs, "passes over the examples; may be a fraction");
  o.add("batch_size", batch_size, "examples per optimiser step");
  o.add("max_tokens", max_tokens, "longer examples (prompt and target) are dropped and counted");
  o.add("micro_batch_tokens", micro_batch_tokens, "tokens per forward and backward");
  o.add("target", target, "wording of the target: {solution} and {answer}; the end token is added");
  o.add("save_every", save_every, "checkpoint every so many steps");
  o.add("keep", keep, "checkpoints kept");
}

}  // namespace pope
