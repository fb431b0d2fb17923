// The settings of learning: objective, optimiser, RL trainer, supervised fine-tuning. Free of libtorch, so
// that the command line can include it. What each value may be stands in config.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"

namespace pope {

struct MixtureConfig;
struct SamplingConfig;

struct ObjectiveConfig {
  static constexpr auto kSection = "objective";
  std::string kind = "ppo_clip";           // ppo_clip | truncated_is | luffy
  std::string reward = "verifier";         // where it comes from (rewards.h): verifier | majority | transfer
  double transfer_temperature = 0.3;       // reward=transfer: nats of reliance by which it falls to 1/e
  double eps_low = 0.2, eps_high = 0.28;   // ppo_clip: the ratio is clipped to [1 − eps_low, 1 + eps_high]
  double dual_clip = 0;                    // ppo_clip: A < 0 weighs at most this ratio; 0 = no such bound
  double ratio_max = 5.0;                  // truncated_is: the ratio is cut at this absolute value
  std::string aggregation = "token_mean";  // seq_sum | token_mean | seq_mean
  std::string advantage = "mean";          // see advantage.h
  double advantage_eps = 1e-6;             // of the kinds that divide by the standard deviation
  int pass_k = 0;                          // ≥ 1: rewards are those of the pass@k gradient; 0 = as they are
  double entropy_coef = 0;                 // times the entropy of each position, subtracted from the loss
  double kl_coef = 0;                      // times KL(policy ‖ reference), added to the loss
  double policy_coef = 1;                  // times the policy loss; 0: the terms added to it alone
  // Times the divergence of rollouts without guidance from a teacher that is shown it (self_distillation.h):
  // over the vocabulary or of the sampled token; the teacher's weights are live, ema or frozen; it is shown
  // the guidance or the solution.
  double self_distillation = 0;
  std::string self_distillation_over = "vocabulary";
  std::string self_distillation_teacher = "frozen";
  std::string self_distillation_shows = "guidance";
  std::string demonstration = "{solution}";  // luffy: its wording; the end token is added
  bool mask_truncated = false;               // leave truncated rollouts out of the loss
  bool regularize_without_signal = true;     // also groups without a difference in reward feel entropy and KL
  // Guided rollouts are trained under the unguided prompt (context_distillation.h) …
  bool context_distillation = false;
  // … and tokens whose probability there, as part of that under guidance, leaves this range are left out
  // (hard), or weighted with the part of it that lies inside (soft).
  double distillation_low = 0.01, distillation_high = 10;
  std::string distillation_clip = "hard";  // hard | soft
  void fields(Options& options);
  void check_together() const;
};

struct OptimizerConfig {
  static constexpr auto kSection = "optimizer";
  double lr = 1e-6;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.0;          // decoupled; not on norms and biases
  double clip_norm = 1.0;             // global L2 norm of the gradient; 0 = off
  std::string schedule = "constant";  // constant | cosine (to 0) | linear (to 0), after warm-up
  double warmup = 0;                  // ≥ 1: steps; < 1: part of all steps
  double ema_decay = 0.99;            // of the moving average of the weights, where a method needs one
  bool sharded = false;  // of several processes each keeps the moments of a part of the parameters
  void fields(Options& options);
};

struct TrainConfig {
  static constexpr auto kSection = "train";
  std::string mode = "sync";       // sync | async
  std::string guidance = "fixed";  // where it comes from (curriculum.h): fixed | evolved | adaptive | search
  int steps = 200;
  int prompts_per_step = 32;
  int rollouts_per_prompt = 8;
  int updates_per_batch = 1;         // optimiser steps per pass over a batch, on disjoint parts of its groups
  int epochs_per_batch = 1;          // passes over a batch of rollouts, each split anew
  bool skip_without_signal = false;  // no optimiser step where no sequence has a gradient
  int stop_without_signal = 0;       // stop after so many steps in a row without signal; 0 = never
  double max_sampler_mismatch = 1;   // nats; above it the sampler does not run the trainer's weights
  std::int64_t micro_batch_tokens = 16384;  // tokens per forward and backward
  int save_every = 0;                       // checkpoint every so many steps; 0 = by time
  double save_minutes = 5;                  // save_every=0: since the last checkpoint; what a kill can cost
  int keep = 2;                             // checkpoints kept
  int rollouts_every = 10;                  // keep the rollouts of every so many steps
  int eval_every = 0;  // evaluate on the eval sets every so many steps (and at the end); 0 = off
  int eval_samples = 8;
  int eval_problems = 0;    // of each eval set only the first so many; 0 = all
  bool eval_guided = true;  // also under guidance, where problems of an eval set carry it
  void fields(Options& options);
  void check_together() const;
};

// train.mode=async: sampling goes on while the trainer learns (async_source.h).
struct AsyncConfig {
  static constexpr auto kSection = "async";
  int buffer = 128;              // finished groups that wait for the trainer at most
  std::string on_full = "drop";  // drop the oldest | wait
  int max_lag = -1;    // training steps that a token may be older than the weights it trains; -1: any
  std::string replay;  // schedule.jsonl of a run to repeat bit for bit
  void fields(Options& options);
};

// train.guidance=evolved (p2o.h).
struct P2oConfig {
  static constexpr auto kSection = "p2o";
  bool near_hard =
      true;            // a problem with one correct rollout in an epoch is hard in the next, as one with none
  int min_hard = 100;  // with fewer hard problems nothing is evolved
  bool per_rollout = true;  // each rollout of a group has a template of its own; false: one for all
  void fields(Options& options);
};

// train.guidance=adaptive (adaptive_prefix.h).
struct AdaptiveConfig {
  static constexpr auto kSection = "adaptive";
  double target = 0.5;         // success rate under guidance that lengths follow
  double step = 0.2;           // parts of a solution that a length moves per unit of (target − rate)
  double max_fraction = 0.75;  // no prefix is longer than this part of the solution
  std::string boundary = "auto";
  void fields(Options& options);
};

// train.guidance=search (prefix_search.h).
struct SearchConfig {
  static constexpr auto kSection = "search";
  int stages = 3;  // prefixes tried: 1/(stages + 1), 2/(stages + 1), … of the solution
  int joins = 1;   // correct rollouts that join the group at most
  std::string boundary = "auto";
  void fields(Options& options);
};

// Problems that are solved nearly always leave the mixture (retirement.h).
struct RetireConfig {
  static constexpr auto kSection = "retire";
  double above = 0;  // success rate without guidance from which on a group counts; 0: off
  int groups = 2;    // so many such groups in a row
  int every = 8;  // of the draws of a retired problem one in so many is kept, to see whether it is forgotten
  void fields(Options& options);
};

// objective.reward=majority (vote.h).
struct VoteConfig {
  static constexpr auto kSection = "vote";
  int momentum_rollouts = 0;  // of the moving average of the weights, beside train.rollouts_per_prompt
  double drop_below = 0;  // rollouts with a mean entropy below Q1 − this · IQR are left out; 0 = none is
  void fields(Options& options);
};

struct SftConfig {
  static constexpr auto kSection = "sft";
  double epochs = 3;
  int batch_size = 128;   // sequences per optimiser step
  int max_tokens = 2048;  // longer examples (and those above the model's context) are dropped and counted
  std::int64_t micro_batch_tokens = 16384;
  std::string target =
      "{solution}";    // wording of the target: {solution} and {answer}; the end token is added
  int save_every = 0;  // as in TrainConfig
  double save_minutes = 5;
  int keep = 2;
  void fields(Options& options);
};

// The policy losses that objective.kind can name (the table in objective.cpp).
std::vector<std::string> objective_kinds();
// Whether a method reads the moving average of the weights.
bool needs_ema(const ObjectiveConfig& config, const VoteConfig& vote);
// Whether a frozen model beside the policy is read: paths.reference, or the initial one.
bool needs_reference(const ObjectiveConfig& config);
// Whether a demonstration joins each group.
bool takes_demonstrations(const ObjectiveConfig& config);

// Error: settings of an RL run that cannot go together, across sections. Needs no model.
void check_rl(const TrainConfig& train, const AsyncConfig& async, const ObjectiveConfig& objective,
              const OptimizerConfig& optimizer, const SamplingConfig& sampling);
// Error: settings of guidance that adapts, and of what is drawn, that cannot go together.
void check_guidance(const TrainConfig& train, const RetireConfig& retire, const MixtureConfig& mixture);
// Error: settings of where rewards come from, and of what else is trained, that cannot go together.
void check_rewards(const TrainConfig& train, const ObjectiveConfig& objective, const VoteConfig& vote,
                   const RetireConfig& retire, const MixtureConfig& mixture);
// Error: warm-up goes on beyond the last of `steps` steps.
void check_warmup(const OptimizerConfig& optimizer, std::int64_t steps);

}  // namespace pope
