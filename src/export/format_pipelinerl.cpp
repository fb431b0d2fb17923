// pope export pipelinerl: a Hydra config on top of PipelineRL's own, and a Python file with its loader and
// its rollout. Read against PipelineRL's source at 58d3934 (June 2026); it has no package.
#include <fmt/format.h>

#include "export/export.h"
#include "export/reward_file.h"

namespace pope {
namespace {

constexpr auto kTrainer = "pipelinerl";

constexpr const char* kRollout =
    R"PY("""PipelineRL: the problems and the rollout of a run. Written by `pope export pipelinerl`."""

import asyncio
import json
import time
from pathlib import Path

import pope_reward
from pipelinerl.async_llm import llm_async_generate, make_training_text
from pipelinerl.llm import Prompt
from pipelinerl.rollouts import BaseMetrics, RolloutResult


def load_problems(dataset_names):
    """dataset_loader: the rows of NAME.jsonl beside this file, for each name."""
    problems = []
    for name in dataset_names:
        with open(Path(__file__).parent / f"{name}.jsonl", encoding="utf-8") as rows:
            problems.extend(json.loads(row) for row in rows)
    return problems


async def generate_rollout(cfg, llm, problem, session):
    """actor.rollout_policy: one completion; reward 1 where it is correct and was not cut off."""
    start = time.time()
    call = await llm_async_generate(llm, Prompt(messages=problem["prompt"]), session)
    latency = time.time() - start
    text = make_training_text(llm, call)
    verdict = await asyncio.to_thread(
        pope_reward.judge, call.output.content or "", problem["answer"], problem["grading"])
    text.reward = float(text.finished and verdict["correct"])
    metrics = BaseMetrics(
        reward=text.reward, success=text.reward == 1, no_error=not verdict["undecided"],
        no_answer=verdict["extracted"] == "")
    return RolloutResult(
        training_texts=[text], metrics=metrics, latency=latency, dataset_name=problem["dataset"], domain="pope")
)PY";

std::vector<Json> pipelinerl_rows(const std::vector<ExportRow>& rows) {
  std::vector<Json> made;
  for (const ExportRow& row : rows)
    made.push_back({{"dataset", row.set},  // PipelineRL groups its metrics by it
                    {"domain", "pope"},
                    {"id", row.id},
                    {"prompt", row.messages},
                    {"answer", row.answer},
                    {"grading", row.grading}});
  return made;
}

// Error: what PipelineRL cannot express.
void check_pipelinerl(const ExportJob& job) {
  const ObjectiveConfig& o = job.objective;
  require_setting(o.aggregation == "seq_sum", kTrainer, "objective.aggregation", "seq_sum", o.aggregation);
  require_setting(o.advantage != "none" && o.advantage != "mean_std", kTrainer, "objective.advantage",
                  "mean, leave_one_out or leave_one_out_std", o.advantage);
  require_setting(o.dual_clip == 0, kTrainer, "objective.dual_clip", "0", config_number(o.dual_clip));
  const OptimizerConfig& optimizer = job.optimizer;
  require_setting(optimizer.beta1 == 0.9 && optimizer.beta2 == 0.999, kTrainer, "optimizer.beta1, beta2",
                  "0.9, 0.999", config_number(optimizer.beta1) + ", " + config_number(optimizer.beta2));
  require_setting(optimizer.schedule != "linear", kTrainer, "optimizer.schedule", "constant or cosine",
                  optimizer.schedule);
  const int passes = job.train.updates_per_batch * job.train.epochs_per_batch;
  require_setting(passes == 1, kTrainer, "train.updates_per_batch · epochs_per_batch", "1",
                  std::to_string(passes));
}

std::string pipelinerl_loss(const ExportJob& job) {
  const ObjectiveConfig& o = job.objective;
  std::string text = o.kind == "truncated_is" ? fmt::format(
                                                    "    policy_loss: reinforce\n"
                                                    "    epsilon_high: {}  # the ratio is cut at 1 + this\n",
                                                    config_number(o.ratio_max - 1))
                                              : fmt::format(
                                                    "    policy_loss: ppo\n"
                                                    "    epsilon_low: {}\n"
                                                    "    epsilon_high: {}\n",
                                                    config_number(o.eps_low), config_number(o.eps_high));
  return text + fmt::format(
                    "    divide_advantage_by_std: {}\n"
                    "    kl_coef: {}\n"
                    "    entropy_bonus: {}\n"
                    "    final_entropy_bonus: {}\n"
                    "    overlong_filtering: {}\n",
                    o.advantage == "leave_one_out_std", config_number(o.kl_coef),
                    config_number(o.entropy_coef), config_number(o.entropy_coef), o.mask_truncated);
}

std::string finetune(const ExportJob& job, std::int64_t longest) {
  const OptimizerConfig& optimizer = job.optimizer;
  return fmt::format(
             "finetune:\n"
             "  attempts: {}\n"
             "  train_batch_size: 1\n"
             "  gradient_accumulation_passes: {}  # samples of an optimiser step\n"
             "  max_train_steps: {}\n"
             "  seq_length: {}\n"
             "  learning_rate: {}\n"
             "  weight_decay: {}\n"
             "  gradient_clipping_threshold: {}\n"
             "  lr_scheduler_type: {}\n"
             "  num_warmup_steps: {}\n"
             "  rl:\n",
             job.train.rollouts_per_prompt, job.train.prompts_per_step * job.train.rollouts_per_prompt,
             job.train.steps, longest, config_number(optimizer.lr), config_number(optimizer.weight_decay),
             optimizer.clip_norm > 0 ? config_number(optimizer.clip_norm) : "null",
             optimizer.schedule == "constant" ? "constant_with_warmup" : optimizer.schedule,
             warmup_steps(job)) +
         pipelinerl_loss(job);
}

std::string pipelinerl_config(const ExportJob& job, const std::string& eval, const std::string& command) {
  const std::int64_t longest = std::int64_t{job.config.max_prompt_tokens} + job.sampling.max_new_tokens;
  std::string text = fmt::format(
      "# PipelineRL: the settings that `pope export pipelinerl` was given; all else is its default. In this "
      "folder:\n"
      "#   {}\n"
      "defaults:\n"
      "  - base\n"
      "  - _self_\n"
      "model_path: {}\n"
      "seed: {}\n"
      "actor:\n"
      "  rollout_policy: pope_pipelinerl.generate_rollout\n"
      "environment: null\n"
      "dataset_loader: pope_pipelinerl.load_problems\n"
      "train_dataset_names: [mixture]\n"
      "test_dataset_names: [{}]\n",
      command, config_text(job.model), job.seed, eval);
  if (job.train.eval_every > 0)
    text += fmt::format("eval_every_n_versions: {}  # samples\n",
                        job.train.eval_every * job.train.prompts_per_step * job.train.rollouts_per_prompt);
  const std::string thinking =
      job.prompt.enable_thinking == "auto"
          ? ""
          : fmt::format("  chat_template_kwargs: {{enable_thinking: {}}}\n", job.prompt.enable_thinking);
  for (const char* llm : {"llm", "test_llm"}) {
    text += fmt::format("{}:\n  parameters: {{max_tokens: {}, temperature: {}{}}}\n{}", llm,
                        job.sampling.max_new_tokens, config_number(job.sampling.temperature),
                        std::string_view(llm) == "llm" ? "" : ", top_p: 1.0, top_k: -1", thinking);
  }
  text += fmt::format("vllm_config:\n  vllm_kwargs:\n    max_model_len: {}\n", longest);
  return text + finetune(job, longest) + "wandb:\n  use_wandb: false\n";
}

ExportFiles make_pipelinerl(const ExportJob& job, const ExportSets& sets) {
  check_pipelinerl(job);
  ExportFiles files;
  for (const ExportSet& set : sets.sets) files.rows[set.name] = pipelinerl_rows(set.rows);
  files.rows["mixture"] = pipelinerl_rows(sets.mixture);
  std::string eval;
  for (const ExportSet& set : eval_or_unguided(sets)) {
    const std::string name = sets.eval.empty() ? set.name : "eval-" + set.name;
    eval += (eval.empty() ? "" : ", ") + config_text(name);
    files.rows[name] = pipelinerl_rows(set.rows);
  }
  files.command =
      "PYTHONPATH=\"$PWD\" python3 -m pipelinerl.launch --config-dir \"$PWD\" --config-name pope "
      "output_dir=runs";
  files.texts["pope.yaml"] = pipelinerl_config(job, eval, files.command);
  files.texts["pope_pipelinerl.py"] = kRollout;
  files.texts[kRewardFile] = reward_file(job);
  files.notes = {
      "problems are drawn at random from the mixture, with replacement: the ratio of the sets holds on "
      "average",
      "sampling goes on while it learns, with no bound on the lag unless max_lag is set"};
  if (job.objective.advantage == "mean")
    files.notes.emplace_back("its baseline is leave-one-out: advantages are n/(n − 1) times those of `mean`");
  return files;
}

}  // namespace

const ExportFormat pipelinerl_format = {.summary = "a loader, a rollout with the reward, a Hydra config",
                                        .make = make_pipelinerl};

}  // namespace pope
