// pope export prime-rl: a taskset of verifiers (0.4), as a Python package to be installed, and the TOML of
// `rl` (prime-rl 0.8). Each prompt set is a source of its own there, with its weight in the mixture as ratio.
#include <fmt/format.h>

#include "export/export.h"
#include "export/reward_file.h"

namespace pope {
namespace {

constexpr auto kTrainer = "prime-rl";
constexpr auto kPackage = "pope_taskset/pope_taskset/";

constexpr const char* kTaskset =
    R"PY("""The prompt sets of a run and their reward. Written by `pope export prime-rl`."""

import asyncio
import json
from pathlib import Path

import verifiers.v1 as vf

from pope_taskset import pope_reward


class PopeData(vf.TaskData):
    answer: str
    grading: str


class PopeTask(vf.Task[PopeData]):
    @vf.stop
    async def single_turn(self, trace: vf.Trace) -> bool:
        return trace.num_turns >= 1

    @vf.reward(weight=1.0)
    async def correct(self, trace: vf.Trace) -> float:
        if trace.is_truncated:
            return 0.0
        verdict = await asyncio.to_thread(
            pope_reward.judge, trace.last_reply, self.data.answer, self.data.grading)
        return float(verdict["correct"])


class PopeConfig(vf.TasksetConfig):
    rows: str = "unguided"
    """Which set: the name of a .jsonl file beside this one."""


class PopeTaskset(vf.Taskset[PopeTask, PopeConfig]):
    def load(self) -> list[PopeTask]:
        with open(Path(__file__).parent / f"{self.config.rows}.jsonl", encoding="utf-8") as rows:
            return [PopeTask(PopeData(idx=i, **json.loads(row)), self.config.task) for i, row in enumerate(rows)]
)PY";

constexpr const char* kInit = R"PY(from pope_taskset.taskset import PopeTaskset

__all__ = ["PopeTaskset"]
)PY";

constexpr const char* kProject = R"TOML([project]
name = "pope-taskset"
version = "0.1.0"
description = "Prompt sets written by `pope export prime-rl`, and their reward."
requires-python = ">=3.11"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["pope_taskset"]
)TOML";

std::vector<Json> prime_rl_rows(const std::vector<ExportRow>& rows) {
  std::vector<Json> made;
  for (const ExportRow& row : rows) {
    Json one = {{"name", row.id}, {"prompt", row.messages.back().at("content")}};
    if (row.messages.size() > 1) one["system_prompt"] = row.messages.front().at("content");
    one["answer"] = row.answer;
    one["grading"] = row.grading;
    made.push_back(std::move(one));
  }
  return made;
}

// Error: what prime-rl cannot express. Its loss is its own, which a note says.
void check_prime_rl(const ExportJob& job) {
  const ObjectiveConfig& o = job.objective;
  require_setting(o.advantage == "mean", kTrainer, "objective.advantage", "mean", o.advantage);
  require_setting(o.kl_coef == 0, kTrainer, "objective.kl_coef", "0", config_number(o.kl_coef));
  require_setting(o.entropy_coef == 0, kTrainer, "objective.entropy_coef", "0",
                  config_number(o.entropy_coef));
  require_setting(!o.mask_truncated, kTrainer, "objective.mask_truncated", "false", "true");
  require_setting(job.prompt.enable_thinking == "auto", kTrainer, "prompt.enable_thinking", "auto",
                  job.prompt.enable_thinking);
  const int passes = job.train.updates_per_batch * job.train.epochs_per_batch;
  require_setting(passes == 1, kTrainer, "train.updates_per_batch · epochs_per_batch", "1",
                  std::to_string(passes));
}

std::string source(const std::string& part, const std::string& name, const std::string& more = "") {
  return fmt::format(
      "\n[[orchestrator.{0}.source]]\n"
      "name = {1}\n"
      "{2}"
      "\n[orchestrator.{0}.source.env.taskset]\n"
      "id = \"pope-taskset\"\n"
      "rows = {1}\n"
      "\n[orchestrator.{0}.source.env.agent.harness]\n"
      "id = \"null\"\n"
      "\n[orchestrator.{0}.source.env.agent.runtime]\n"
      "type = \"subprocess\"\n",
      part, config_text(name), more);
}

std::string schedule(const ExportJob& job) {
  const std::int64_t warmup = warmup_steps(job);
  const std::string& kind = job.optimizer.schedule;
  if (kind == "constant" && warmup == 0) return "";
  if (kind == "cosine")
    return fmt::format("\n[trainer.scheduler]\ntype = \"cosine\"\nwarmup_steps = {}\n", warmup);
  return fmt::format("\n[trainer.scheduler]\ntype = \"linear\"\nwarmup_steps = {}\ndecay_steps = {}\n",
                     warmup, kind == "constant" ? 0 : job.train.steps - warmup);
}

double weight_of(const MixtureConfig& mixture, const std::string& set) {
  return set == "guided" ? mixture.guided : set == "easy" ? mixture.easy : mixture.unguided;
}

std::string prime_rl_config(const ExportJob& job, const ExportSets& sets,
                            const std::vector<std::string>& eval, const std::string& command) {
  const std::int64_t longest = std::int64_t{job.config.max_prompt_tokens} + job.sampling.max_new_tokens;
  std::string text = fmt::format(
      "# prime-rl 0.8: the settings that `pope export prime-rl` was given; all else is its default. In this "
      "folder:\n"
      "#   {}\n"
      "max_steps = {}\n"
      "seq_len = {}\n"
      "\n[model]\n"
      "name = {}\n"
      "\n[orchestrator]\n"
      "batch_size = {}\n"
      "group_size = {}\n"
      "\n[orchestrator.algo]\n"
      "type = \"grpo\"\n"
      "\n[orchestrator.train.sampling]\n"
      "temperature = {}\n"
      "max_completion_tokens = {}\n",
      command, job.train.steps, longest, config_text(job.model),
      job.train.prompts_per_step * job.train.rollouts_per_prompt, job.train.rollouts_per_prompt,
      config_number(job.sampling.temperature), job.sampling.max_new_tokens);
  for (const ExportSet& set : sets.sets)
    text += source("train", set.name,
                   fmt::format("ratio = {}\n", config_number(weight_of(job.mixture, set.name))));
  if (!eval.empty()) {
    text += fmt::format(
        "\n[orchestrator.eval]\n"
        "interval = {}\n"
        "group_size = {}\n"
        "\n[orchestrator.eval.sampling]\n"
        "temperature = {}\n"
        "max_completion_tokens = {}\n",
        job.train.eval_every, job.train.eval_samples, config_number(job.sampling.temperature),
        job.sampling.max_new_tokens);
    for (const std::string& name : eval) text += source("eval", name);
  }
  const OptimizerConfig& optimizer = job.optimizer;
  text += fmt::format(
      "\n[trainer.optim]\n"
      "type = \"adamw\"\n"
      "lr = {}\n"
      "betas1 = {}\n"
      "betas2 = {}\n"
      "weight_decay = {}\n"
      "max_norm = {}\n",
      config_number(optimizer.lr), config_number(optimizer.beta1), config_number(optimizer.beta2),
      config_number(optimizer.weight_decay),
      optimizer.clip_norm > 0 ? config_number(optimizer.clip_norm) : "\"None\"");
  return text + schedule(job) + fmt::format("\n[inference.vllm]\nmax_model_len = {}\n", longest);
}

ExportFiles make_prime_rl(const ExportJob& job, const ExportSets& sets) {
  check_prime_rl(job);
  ExportFiles files;
  for (const ExportSet& set : sets.sets) files.rows[kPackage + set.name] = prime_rl_rows(set.rows);
  std::vector<std::string> eval;
  if (job.train.eval_every > 0) {
    for (const ExportSet& set : eval_or_unguided(sets)) {
      eval.push_back(sets.eval.empty() ? set.name : "eval-" + set.name);
      files.rows[kPackage + eval.back()] = prime_rl_rows(set.rows);
    }
  }
  files.command = "uv pip install -e pope_taskset && uv run rl @ prime_rl.toml";
  files.texts["prime_rl.toml"] = prime_rl_config(job, sets, eval, files.command);
  files.texts["pope_taskset/pyproject.toml"] = kProject;
  files.texts[std::string(kPackage) + "__init__.py"] = kInit;
  files.texts[std::string(kPackage) + "taskset.py"] = kTaskset;
  files.texts[std::string(kPackage) + kRewardFile] = reward_file(job);
  files.notes = {
      "the policy loss is prime-rl's own (trainer.loss): objective.kind, its bounds and "
      "objective.aggregation are "
      "not carried over",
      "the sets are sources, with their weights in the mixture as ratio: the ratio holds on average",
      "sampling goes on while it learns (orchestrator.max_off_policy_steps)"};
  return files;
}

}  // namespace

const ExportFormat prime_rl_format = {
    .summary = "a taskset of verifiers with the reward, a TOML file for `rl` (prime-rl 0.8)",
    .make = make_prime_rl};

}  // namespace pope
