// pope export verl: rows as verl's RLHFDataset reads them, and a Hydra config on top of verl's own (verl
// 0.9).
#include <fmt/format.h>

#include <algorithm>

#include "export/export.h"
#include "export/reward_file.h"

namespace pope {
namespace {

constexpr auto kTrainer = "verl";

std::vector<Json> verl_rows(const std::vector<ExportRow>& rows) {
  std::vector<Json> made;
  for (const ExportRow& row : rows) {
    Json extra = {{"index", made.size()},
                  {"id", row.id},
                  {"guided", row.guided},
                  {"privileged_context", row.guidance},
                  {"grading", row.grading}};
    made.push_back({{"data_source", row.set},  // verl groups its metrics by it
                    {"prompt", row.messages},
                    {"ability", "math"},
                    {"reward_model", {{"style", "rule"}, {"ground_truth", row.answer}}},
                    {"extra_info", std::move(extra)}});
  }
  return made;
}

std::string file_list(const std::vector<std::string>& names, const std::string& rows) {
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "" : ", ") + config_text("${oc.env:PWD}/" + name + "." + rows);
  return "[" + list + "]";
}

// Error: what verl cannot express.
void check_verl(const ExportJob& job) {
  const ObjectiveConfig& objective = job.objective;
  require_setting(objective.kind == "ppo_clip", kTrainer, "objective.kind", "ppo_clip", objective.kind);
  require_setting(objective.advantage == "mean" || objective.advantage == "mean_std" ||
                      objective.advantage == "leave_one_out",
                  kTrainer, "objective.advantage", "mean, mean_std or leave_one_out", objective.advantage);
  require_setting(!objective.mask_truncated, kTrainer, "objective.mask_truncated", "false", "true");
  require_setting(job.optimizer.schedule != "linear", kTrainer, "optimizer.schedule", "constant or cosine",
                  job.optimizer.schedule);
  require_setting(job.train.prompts_per_step % job.train.updates_per_batch == 0, kTrainer,
                  "train.updates_per_batch", "a divisor of train.prompts_per_step",
                  std::to_string(job.train.updates_per_batch));
}

std::string aggregation_of(const std::string& ours) {
  if (ours == "seq_sum") return "seq-mean-token-sum";
  return ours == "seq_mean" ? "seq-mean-token-mean" : "token-mean";
}

std::string algorithm(const ExportJob& job) {
  const ObjectiveConfig& o = job.objective;
  return fmt::format(
      "algorithm:\n"
      "  adv_estimator: {}\n"
      "  norm_adv_by_std_in_grpo: {}\n"
      "  use_kl_in_reward: false\n",
      o.advantage == "leave_one_out" ? "rloo" : "grpo", o.advantage == "mean_std");
}

std::string data(const ExportJob& job, const std::vector<std::string>& eval) {
  std::string text = fmt::format(
      "data:\n"
      "  train_files: {}\n"
      "  val_files: {}\n"
      "  train_batch_size: {}\n"
      "  max_prompt_length: {}\n"
      "  max_response_length: {}\n"
      "  filter_overlong_prompts: true\n"
      "  shuffle: false  # the rows are shuffled: every batch has the sets in the ratio of the mixture\n"
      "  seed: {}\n",
      file_list({"mixture"}, job.config.rows), file_list(eval, job.config.rows), job.train.prompts_per_step,
      job.config.max_prompt_tokens, job.sampling.max_new_tokens, job.seed);
  if (job.prompt.enable_thinking != "auto")
    text +=
        fmt::format("  apply_chat_template_kwargs: {{enable_thinking: {}}}\n", job.prompt.enable_thinking);
  return text;
}

std::string actor(const ExportJob& job) {
  const ObjectiveConfig& o = job.objective;
  const OptimizerConfig& optimizer = job.optimizer;
  const std::int64_t longest = std::int64_t{job.config.max_prompt_tokens} + job.sampling.max_new_tokens;
  std::string text = fmt::format(
      "  actor:\n"
      "    ppo_mini_batch_size: {}\n"
      "    ppo_epochs: {}\n"
      "    use_dynamic_bsz: true\n"
      "    ppo_max_token_len_per_gpu: {}\n"
      "    clip_ratio_low: {}\n"
      "    clip_ratio_high: {}\n"
      "    clip_ratio_c: {}{}\n"
      "    loss_agg_mode: {}\n"
      "    entropy_coeff: {}\n"
      "    use_kl_loss: {}\n"
      "    kl_loss_coef: {}\n"
      "    kl_loss_type: low_var_kl\n"
      "    grad_clip: {}\n",
      job.train.prompts_per_step / job.train.updates_per_batch, job.train.epochs_per_batch,
      std::max(job.train.micro_batch_tokens, longest), config_number(o.eps_low), config_number(o.eps_high),
      o.dual_clip > 0 ? config_number(o.dual_clip) : "1.0e+9", o.dual_clip > 0 ? "" : "  # no dual clip",
      aggregation_of(o.aggregation), config_number(o.entropy_coef), o.kl_coef > 0, config_number(o.kl_coef),
      optimizer.clip_norm > 0 ? config_number(optimizer.clip_norm) : "1.0e+9");
  return text + fmt::format(
                    "    optim:\n"
                    "      lr: {}\n"
                    "      betas: [{}, {}]\n"
                    "      weight_decay: {}\n"
                    "      lr_scheduler_type: {}\n"
                    "      lr_warmup_steps: {}\n",
                    config_number(optimizer.lr), config_number(optimizer.beta1),
                    config_number(optimizer.beta2), config_number(optimizer.weight_decay), optimizer.schedule,
                    warmup_steps(job));
}

std::string rollout(const ExportJob& job) {
  return fmt::format(
      "  rollout:\n"
      "    name: vllm\n"
      "    n: {}\n"
      "    temperature: {}\n"
      "    top_p: 1.0\n"
      "    tensor_model_parallel_size: 1\n"
      "    val_kwargs: {{n: {}, temperature: {}, top_p: 1.0, do_sample: true}}\n",
      job.train.rollouts_per_prompt, config_number(job.sampling.temperature), job.train.eval_samples,
      config_number(job.sampling.temperature));
}

std::string verl_config(const ExportJob& job, const std::vector<std::string>& eval,
                        const std::string& command) {
  std::string text = fmt::format(
      "# verl 0.9: the settings that `pope export verl` was given; all else is verl's default. In this "
      "folder:\n"
      "#   {}\n"
      "hydra:\n"
      "  searchpath: [pkg://verl.trainer.config]\n"
      "defaults:\n"
      "  - ppo_trainer\n"
      "  - _self_\n",
      command);
  text += data(job, eval) + algorithm(job);
  text += fmt::format(
      "actor_rollout_ref:\n"
      "  model:\n"
      "    path: {}\n"
      "    use_remove_padding: true\n"
      "    enable_gradient_checkpointing: true\n",
      config_text(job.model));
  text += actor(job) + rollout(job);
  text += fmt::format(
      "reward:\n"
      "  custom_reward_function:\n"
      "    path: \"${{oc.env:PWD}}/{}\"\n"
      "    name: compute_score\n",
      kRewardFile);
  return text + fmt::format(
                    "trainer:\n"
                    "  total_training_steps: {0}\n"
                    "  total_epochs: {0}  # the steps come first\n"
                    "  test_freq: {1}\n"
                    "  save_freq: {2}\n"
                    "  n_gpus_per_node: 8\n"
                    "  nnodes: 1\n"
                    "  logger: [console]\n"
                    "  project_name: pope\n"
                    "  experiment_name: {3}\n",
                    job.train.steps, job.train.eval_every > 0 ? job.train.eval_every : -1,
                    job.train.save_every > 0 ? job.train.save_every : 50,
                    config_text(job.label.empty() ? "pope" : job.label));
}

ExportFiles make_verl(const ExportJob& job, const ExportSets& sets) {
  check_verl(job);
  ExportFiles files;
  for (const ExportSet& set : sets.sets) files.rows[set.name] = verl_rows(set.rows);
  files.rows["mixture"] = verl_rows(sets.mixture);
  std::vector<std::string> eval;
  for (const ExportSet& set : eval_or_unguided(sets)) {
    eval.push_back(sets.eval.empty() ? set.name : "eval-" + set.name);
    files.rows[eval.back()] = verl_rows(set.rows);
  }
  require_setting(!eval.empty(), kTrainer, "paths.eval_sets",
                  "a set (--eval-set NAME=FILE) where none is unguided", "none");
  files.command = "python3 -m verl.trainer.main_ppo --config-path \"$PWD\" --config-name verl";
  files.texts["verl.yaml"] = verl_config(job, eval, files.command);
  files.texts[kRewardFile] = reward_file(job);
  files.notes = {
      "a completion that was cut off gets 1 where the right answer stands in it: verl does not tell a "
      "reward function whether it was"};
  if (job.objective.advantage == "mean_std")
    files.notes.emplace_back(
        "verl adds 1e-6 to the standard deviation, whatever objective.advantage_eps says");
  if (job.train.mode == "async")
    files.notes.emplace_back(
        "rollouts and learning take turns; verl's own asynchronous trainers are trainer.v1.trainer_mode");
  return files;
}

}  // namespace

const ExportFormat verl_format = {
    .summary = "rows of RLHFDataset, a reward function, a Hydra config for verl 0.9",
    .parquet = true,
    .make = make_verl};

}  // namespace pope
