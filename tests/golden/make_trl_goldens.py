"""Makes learn_trl_steps.json, the golden of tests/learn/trl_steps_test.cpp: the weights that TRL's own GRPOTrainer
leaves after each step of a short run in which most batches have no signal.

    pip install trl==1.16.0 transformers==5.23.0 datasets==5.2.0 accelerate torch==2.11.0
    python make_trl_goldens.py --out tests/golden

CPU, fp32, deterministic. `trainer.train()` runs as it is: its batches and their reuse over num_iterations, advantages,
loss, backward pass, gradient clipping, the Trainer's AdamW with its exemptions from weight decay, its schedule. Two
things are given from outside, both by arguments of GRPOTrainer:
  rollout_func   in place of generating: the completions of the table made here. No sampling logprobs: TRL then takes its
                 own model's, before the first update on a batch
  reward_funcs   one that returns the rewards of that table
Weights are read by a callback after each optimiser step.
"""

import argparse
import importlib.metadata
import json
import logging
import random
import tempfile
from pathlib import Path

import torch
import transformers
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

# Rewards of the groups of each step, 4 rollouts each. Steps 2, 3 and 5 are without any signal; steps 1 and 4 have a
# group without.
REWARDS = [[[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]],
           [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
           [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
           [[1, 1, 1, 1], [0, 1, 0, 0], [1, 1, 0, 1]],
           [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]
GROUPS, ROLLOUTS = len(REWARDS[0]), len(REWARDS[0][0])
END = 2  # the models' end token

# eps of the size of the gradient's entries: with a tiny one the first step is lr · sign(g), whatever g is, and rounding
# decides the sign of the smallest.
OPTIMIZER = dict(beta1=0.9, beta2=0.95, eps=1e-3, weight_decay=0.1, clip_norm=1.0)

# What TRL is told, and what the same is in pope's settings. In two_epochs the learning rate is such that the second
# update finds ratios inside the bounds and beyond each.
RUNS = {
    "token_mean": dict(model="llama_tied", lr=1e-2, num_iterations=1, epsilon=0.2, epsilon_high=0.2,
                       loss_type="dapo", aggregation="token_mean",
                       scale_rewards="group", advantage="mean_std", advantage_eps=1e-4),
    "seq_mean": dict(model="llama_bias", lr=1e-2, num_iterations=1, epsilon=0.2, epsilon_high=0.2,
                     loss_type="grpo", aggregation="seq_mean",
                     scale_rewards="none", advantage="mean", advantage_eps=0.0),
    "two_epochs": dict(model="qwen3", lr=2e-3, num_iterations=2, epsilon=0.3, epsilon_high=0.4,
                       loss_type="dapo", aggregation="token_mean",
                       scale_rewards="group", advantage="mean_std", advantage_eps=1e-4),
}


def rollouts(seed):
    """Per step and group: a prompt, completions of distinct lengths, rewards."""
    draw = random.Random(seed)
    tokens = lambda n: [draw.randrange(3, 61) for _ in range(n)]
    return [[{"prompt": tokens(3 + group), "rewards": rewards,
              "completions": [tokens(2 + (2 * rollout + group) % 5) + [END] for rollout in range(ROLLOUTS)]}
             for group, rewards in enumerate(step)] for step in REWARDS]


def probe(weights):
    flat = weights.detach().flatten()
    at = sorted({0, 1, flat.numel() // 3, flat.numel() // 2, flat.numel() - 1})
    return {"at": at, "values": [flat[i].item() for i in at]}


class Weights(transformers.TrainerCallback):
    """Probes of the weights after each optimiser step, and how far they are from the first ones."""

    def __init__(self, model):
        self.first = {name: p.detach().clone() for name, p in model.named_parameters()}
        self.after = []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        moved = sum(((p.detach() - self.first[name]).double() ** 2).sum() for name, p in model.named_parameters())
        self.after.append({"moved": moved.sqrt().item(),
                           "weights": {name: probe(p) for name, p in model.named_parameters()}})


def config_of(run, folder):
    return GRPOConfig(
        output_dir=folder, use_cpu=True, bf16=False, fp16=False, seed=1, report_to="none", save_strategy="no",
        logging_steps=1, disable_tqdm=True, gradient_checkpointing=False, shuffle_dataset=False,
        per_device_train_batch_size=GROUPS * ROLLOUTS, gradient_accumulation_steps=1, steps_per_generation=1,
        num_generations=ROLLOUTS, max_completion_length=8, temperature=1.0,
        max_steps=len(REWARDS) * run["num_iterations"], num_iterations=run["num_iterations"],
        loss_type=run["loss_type"], scale_rewards=run["scale_rewards"], importance_sampling_level="token", beta=0.0,
        epsilon=run["epsilon"], epsilon_high=run["epsilon_high"], mask_truncated_completions=False,
        optim="adamw_torch", learning_rate=run["lr"], adam_beta1=OPTIMIZER["beta1"],
        adam_beta2=OPTIMIZER["beta2"], adam_epsilon=OPTIMIZER["eps"], weight_decay=OPTIMIZER["weight_decay"],
        max_grad_norm=OPTIMIZER["clip_norm"], lr_scheduler_type="constant", warmup_steps=0)


def train(run, folder, steps):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    weights = Weights(model)
    pending = iter(steps)

    def rollout_func(prompts, trainer):  # the prompts are those of one step, each as often as it has rollouts
        step = next(pending)
        groups = [steps[int(name.split()[0])][int(name.split()[1])] for name in prompts]
        assert groups == [group for group in step for _ in range(ROLLOUTS)]
        return {"prompt_ids": [group["prompt"] for group in groups],
                "completion_ids": [completion for group in step for completion in group["completions"]],
                "given": [float(reward) for group in step for reward in group["rewards"]], "logprobs": None}

    def reward(completions, given, **kwargs):
        return given

    with tempfile.TemporaryDirectory() as out:
        trainer = GRPOTrainer(
            model=model, reward_funcs=reward, args=config_of(run, out), callbacks=[weights], rollout_func=rollout_func,
            processing_class=transformers.AutoTokenizer.from_pretrained(folder),
            train_dataset=Dataset.from_dict({"prompt": [f"{t} {g}" for t in range(len(steps)) for g in range(GROUPS)]}))
        trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
        trainer.train()
    logs = [row for row in trainer.state.log_history if "grad_norm" in row]
    per_step = run["num_iterations"]
    assert len(logs) == len(weights.after) == len(steps) * per_step
    result = []
    for t, groups in enumerate(steps):
        of = logs[t * per_step:(t + 1) * per_step]
        result.append({"groups": groups, "grad_norm": [row["grad_norm"] for row in of],
                       "clipped_low": [row["clip_ratio/low_mean"] for row in of],
                       "clipped_high": [row["clip_ratio/high_mean"] for row in of],
                       **weights.after[(t + 1) * per_step - 1]})
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    golden = {"versions": {name: importlib.metadata.version(name)
                           for name in ["trl", "transformers", "accelerate", "torch"]},
              "optimizer": OPTIMIZER, "runs": {}}
    for k, (name, run) in enumerate(RUNS.items()):
        golden["runs"][name] = {**run, "steps": train(run, args.out / "models" / run["model"], rollouts(k + 1))}
    (args.out / "learn_trl_steps.json").write_text(json.dumps(golden) + "\n")


main()
