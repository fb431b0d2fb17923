// pope export trl: rows and a config for `trl grpo` (TRL 1.16). The column privileged_context, which
// GRPOTrainer leaves alone, is what TRL's self-distillation trainers (SDFT, SDPO) read beside the prompt.
#include <fmt/format.h>

#include "export/export.h"
#include "export/reward_file.h"

namespace pope {
namespace {

constexpr auto kTrainer = "trl";

std::vector<Json> trl_rows(const std::vector<ExportRow>& rows) {
  std::vector<Json> made;
  for (const ExportRow& row : rows)
    made.push_back({{"prompt", row.messages},
                    {"answer", row.answer},
                    {"privileged_context", row.guidance},
                    {"set", row.set},
                    {"id", row.id},
                    {"grading", row.grading}});
  return made;
}

// Error: what TRL cannot express.
void check_trl(const ExportJob& job) {
  const ObjectiveConfig& o = job.objective;
  require_setting(o.kind == "ppo_clip" || o.kind == "truncated_is", kTrainer, "objective.kind",
                  "ppo_clip or truncated_is", o.kind);
  require_setting(o.advantage == "mean" || o.advantage == "mean_std", kTrainer, "objective.advantage",
                  "mean or mean_std", o.advantage);
  require_setting(o.kind != "truncated_is" || o.aggregation == "token_mean", kTrainer,
                  "objective.aggregation", "token_mean for truncated_is", o.aggregation);
  require_setting(job.train.prompts_per_step % job.train.updates_per_batch == 0, kTrainer,
                  "train.updates_per_batch", "a divisor of train.prompts_per_step",
                  std::to_string(job.train.updates_per_batch));
}

std::string trl_loss(const ObjectiveConfig& o) {
  std::string text = fmt::format("scale_rewards: {}\n", o.advantage == "mean" ? "none" : "group");
  if (o.kind == "truncated_is") {
    text += fmt::format("loss_type: cispo\nepsilon_high: {}\n", config_number(o.ratio_max));
  } else {
    text += fmt::format("loss_type: {}\nepsilon: {}\nepsilon_high: {}\n",
                        o.aggregation == "token_mean" ? "dapo"
                        : o.aggregation == "seq_mean" ? "grpo"
                                                      : "dr_grpo",
                        config_number(o.eps_low), config_number(o.eps_high));
    if (o.dual_clip > 0) text += fmt::format("delta: {}\n", config_number(o.dual_clip));
  }
  return text + fmt::format("beta: {}\nentropy_coef: {}\nmask_truncated_completions: {}\n",
                            config_number(o.kl_coef), config_number(o.entropy_coef), o.mask_truncated);
}

std::string schedule_of(const OptimizerConfig& optimizer) {
  return optimizer.schedule == "constant" ? "constant_with_warmup" : optimizer.schedule;
}

std::string trl_config(const ExportJob& job, const std::string& command) {
  const int prompts = job.train.prompts_per_step / job.train.updates_per_batch;
  constexpr int kSaveSteps = 50;
  const int save_steps = job.train.save_every > 0
                             ? job.train.save_every * job.train.updates_per_batch * job.train.epochs_per_batch
                             : kSaveSteps;
  std::string text = fmt::format(
      "# TRL 1.16: the settings that `pope export trl` was given; all else is TRL's default. In this "
      "folder:\n"
      "#   {}\n"
      "model_name_or_path: {}\n"
      "dtype: float32  # of the master weights\n"
      "datasets:\n"
      "  - {{path: {}, data_files: mixture.{}, split: train}}\n"
      "reward_funcs: [pope_reward.correct]\n"
      "output_dir: {}\n",
      command, config_text(job.model), job.config.rows == "parquet" ? "parquet" : "json", job.config.rows,
      config_text(job.label.empty() ? "runs" : "runs/" + job.label));
  text += fmt::format(
      "# Of one process: with N, divide gradient_accumulation_steps by N.\n"
      "per_device_train_batch_size: {}\n"
      "gradient_accumulation_steps: {}\n"
      "steps_per_generation: {}\n"
      "num_iterations: {}\n"
      "num_generations: {}\n"
      "max_steps: {}  # optimiser steps\n"
      "shuffle_dataset: false  # the rows are shuffled: every batch has the sets in the ratio of the "
      "mixture\n"
      "max_completion_length: {}\n"
      "temperature: {}\n",
      job.train.rollouts_per_prompt, prompts, job.train.prompts_per_step, job.train.epochs_per_batch,
      job.train.rollouts_per_prompt, optimizer_steps(job.train), job.sampling.max_new_tokens,
      config_number(job.sampling.temperature));
  if (job.prompt.enable_thinking != "auto")
    text += fmt::format("chat_template_kwargs: {{enable_thinking: {}}}\n", job.prompt.enable_thinking);
  text += trl_loss(job.objective);
  const OptimizerConfig& optimizer = job.optimizer;
  return text + fmt::format(
                    "learning_rate: {}\n"
                    "adam_beta1: {}\n"
                    "adam_beta2: {}\n"
                    "adam_epsilon: {}\n"
                    "weight_decay: {}\n"
                    "max_grad_norm: {}\n"
                    "lr_scheduler_type: {}\n"
                    "warmup_steps: {}\n"
                    "bf16: {}\n"
                    "gradient_checkpointing: {}\n"
                    "seed: {}\n"
                    "logging_steps: 1\n"
                    "save_steps: {}\n"
                    "report_to: none\n",
                    config_number(optimizer.lr), config_number(optimizer.beta1),
                    config_number(optimizer.beta2), config_number(optimizer.eps),
                    config_number(optimizer.weight_decay), config_number(optimizer.clip_norm),
                    schedule_of(optimizer), warmup_steps(job), job.bf16, job.activation_checkpointing,
                    job.seed, save_steps);
}

ExportFiles make_trl(const ExportJob& job, const ExportSets& sets) {
  check_trl(job);
  ExportFiles files;
  for (const ExportSet& set : sets.sets) files.rows[set.name] = trl_rows(set.rows);
  for (const ExportSet& set : sets.eval) files.rows["eval-" + set.name] = trl_rows(set.rows);
  files.rows["mixture"] = trl_rows(sets.mixture);
  files.command = "trl grpo --config trl.yaml";
  files.texts["trl.yaml"] = trl_config(job, files.command);
  files.texts[kRewardFile] = reward_file(job);
  files.notes = {
      "prompts longer than export.max_prompt_tokens are not left out: TRL 1.16 has no such setting",
      "sets named by --eval-set are written, not evaluated on: eval_strategy is off"};
  if (job.objective.advantage == "mean_std")
    files.notes.emplace_back(
        "TRL adds 1e-4 to the standard deviation, whatever objective.advantage_eps says");
  if (job.objective.aggregation == "seq_sum")
    files.notes.emplace_back(
        "dr_grpo is seq_sum over max_completion_length: a constant, which AdamW divides out");
  if (job.train.mode == "async")
    files.notes.emplace_back("rollouts and learning take turns: use_vllm is off, and to be chosen by you");
  return files;
}

}  // namespace

const ExportFormat trl_format = {
    .summary = "rows with privileged_context, a reward function, a config for `trl grpo` (1.16)",
    .parquet = true,
    .make = make_trl};

}  // namespace pope
