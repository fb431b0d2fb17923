"""Makes objective_peers.json, the golden of tests/learn/objective_peers_test.cpp: what the loss functions of verl, TRL,
PipelineRL and LUFFY give for one small batch, by their own code.

    pip install trl==1.16.0 pandas omegaconf tensordict codetiming     # and torch 2.11
    pip install --no-deps verl==0.9.1
    python make_objective_goldens.py --pipelinerl CHECKOUT --luffy CHECKOUT --out tests/golden

PipelineRL (github.com/ServiceNow/PipelineRL) and LUFFY (github.com/ElliottYan/LUFFY) are not packages: their loss
functions are read from a checkout. verl imports ray, which its loss functions do not use: an empty module stands in
for it where it is not installed. All in float64; the gradient is that of the logits. TRL computes its advantages in the
middle of generation, where they cannot be called: they are inputs to its loss here, by its formula, scale_rewards=group.
"""

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import math
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import torch

# 2 groups of 3 rollouts of T = 5 positions at most over a vocabulary of V = 6.
LENGTHS, REWARDS, GROUPS, T, V = [3, 5, 2, 4, 1, 5], [1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [0, 0, 0, 1, 1, 1], 5, 6
B = len(LENGTHS)
ENTROPY_COEF, KL_COEF = 0.01, 0.05


def wave(shape, start, size):
    n = math.prod(shape)
    return torch.tensor([size * math.sin(start + 1.7 * i) for i in range(n)], dtype=torch.float64).reshape(shape)


class Batch:
    """The same tokens under the policy (logits, a leaf), the behaviour policy and the reference."""

    def __init__(self):
        self.logits = wave((B, T, V), 0.4, 2.0).requires_grad_()
        self.targets = torch.tensor([[(3 * b + 2 * t) % V for t in range(T)] for b in range(B)])
        self.mask = torch.tensor([[float(t < n) for t in range(T)] for n in LENGTHS], dtype=torch.float64)
        log_p = self.logits.log_softmax(-1)
        self.logprobs = log_p.gather(-1, self.targets.unsqueeze(-1)).squeeze(-1)
        self.entropy = -(log_p.exp() * log_p).sum(-1)
        # ρ from e^-1.9 to e^1.9: below, inside and above every bound, also 3 (dual clip) and 5 (ratio_max).
        self.old = self.logprobs.detach() - wave((B, T), 0.9, 1.9)
        self.reference = self.logprobs.detach() + wave((B, T), 2.1, 1.5)

    def outcome(self, loss, **more):
        (gradient,) = torch.autograd.grad(loss, self.logits)
        return {"loss": loss.item(), "gradient": gradient.flatten().tolist(), **more}


def verl():
    if importlib.util.find_spec("ray") is None:
        sys.modules["ray"] = MagicMock()
    from omegaconf import OmegaConf
    from verl.trainer.ppo import core_algos as algos
    config = OmegaConf.create({"clip_ratio": 0.2, "clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 3.0,
                               "global_batch_info": {}})
    out = {"version": importlib.metadata.version("verl")}
    batch = Batch()
    rewards = torch.zeros_like(batch.mask)
    rewards[:, 0] = torch.tensor(REWARDS)
    advantages, _ = algos.compute_grpo_outcome_advantage(rewards, batch.mask, np.array(GROUPS))
    policy, metrics = algos.compute_policy_loss_vanilla(batch.old, batch.logprobs, advantages, batch.mask, "token-mean",
                                                        config)
    out["verl"] = batch.outcome(policy, advantages=advantages[:, 0].tolist(),
                                clipped=metrics["actor/pg_clipfrac"], dual_clipped=metrics["actor/pg_clipfrac_lower"])
    # With the regularisers, combined as verl.workers.utils.losses.ppo_loss does.
    batch = Batch()
    policy, _ = algos.compute_policy_loss_vanilla(batch.old, batch.logprobs, advantages, batch.mask, "token-mean", config)
    entropy = algos.agg_loss(batch.entropy, batch.mask, "token-mean")
    kl = algos.agg_loss(algos.kl_penalty(batch.logprobs, batch.reference, "low_var_kl"), batch.mask, "token-mean")
    out["verl_regularized"] = batch.outcome(policy - ENTROPY_COEF * entropy + KL_COEF * kl)
    return out


def trl():
    import trl as package
    from trl.trainer.grpo_trainer import GRPOTrainer
    rewards = torch.tensor(REWARDS, dtype=torch.float64).view(2, 3)
    advantages = ((rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)).flatten()
    out = {"version": package.__version__}
    for name, loss_type, beta, entropy_coef in [("trl", "dapo", 0.0, 0.0), ("trl_grpo", "grpo", 0.0, 0.0),
                                                ("trl_regularized", "dapo", KL_COEF, ENTROPY_COEF)]:
        batch = Batch()
        trainer = object.__new__(GRPOTrainer)
        state = dict(
            _get_per_token_logps_and_entropies=lambda *a, **k: (batch.logprobs, batch.entropy, None),
            model=SimpleNamespace(training=True), aux_loss_enabled=False, top_entropy_quantile=1.0,
            off_policy_mask_threshold=None, importance_sampling_level="token", beta=beta, loss_type=loss_type,
            epsilon_low=0.2, epsilon_high=0.2, use_vllm=False, vllm_importance_sampling_correction=False,
            current_gradient_accumulation_steps=1, entropy_coef=entropy_coef, use_adaptive_entropy=False,
            _entropy_bonus_enabled=entropy_coef != 0, _metrics={"train": defaultdict(list)},
            args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
            accelerator=SimpleNamespace(num_processes=1, sync_gradients=True, gather=lambda x: x,
                                        reduce=lambda x, reduction=None: x))
        trainer.__dict__.update(state)
        inputs = dict(prompt_ids=torch.zeros(B, 1, dtype=torch.long), prompt_mask=torch.ones(B, 1),
                      completion_ids=batch.targets, completion_mask=batch.mask, advantages=advantages,
                      old_per_token_logps=batch.old, ref_per_token_logps=batch.reference,
                      num_items_in_batch=batch.mask.sum())
        out[name] = batch.outcome(GRPOTrainer._compute_loss(trainer, None, inputs), advantages=advantages.tolist())
    return out


def commit_of(folder):
    return subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True,
                          text=True).stdout.strip()


def pipelinerl(folder):
    sys.path.insert(0, str(folder))
    rl = importlib.import_module("pipelinerl.finetune.rl")
    out = {}

    def rows():
        return [dict(group_id=GROUPS[b], rollout_index=b % 3, step_index=0, rewards=[REWARDS[b]] * (1 + n),
                     input_ids=[0] * (1 + n), labels=[-100] + [1] * n, overflow=[0] * (1 + n), advantages=[0] * (1 + n),
                     group_tokens=[0] * (1 + n), finish_reason="stop") for b, n in enumerate(LENGTHS)]

    def shifted(values):  # [B,T] → [B,1+T]: the prompt is one token
        return torch.cat([torch.zeros(B, 1, dtype=values.dtype), values], 1)

    # "pipelinerl": the POPE paper's ratio range [0, 5], no std, no regularisers. The other: its defaults, and both.
    for name, std, entropy_coef, kl_coef in [("pipelinerl", False, 0.0, 0.0),
                                             ("pipelinerl_regularized", True, ENTROPY_COEF, KL_COEF)]:
        config = rl.RLConfig(policy_loss="reinforce", epsilon_high=4.0, batch_size=B, divide_advantage_by_std=std,
                             entropy_bonus=entropy_coef, final_entropy_bonus=entropy_coef, kl_coef=kl_coef,
                             final_kl_coef=kl_coef)
        filled = rl.populate_rl_data(rows(), eos_token_id=0, config=config)
        advantages = torch.tensor([row["advantages"][0] for row in filled], dtype=torch.float64)
        batch = Batch()
        labels = torch.where(batch.mask > 0, batch.targets, -100)
        labels = torch.cat([torch.full((B, 1), -100), labels], 1)
        ones = torch.ones(B, 1 + T, dtype=torch.float64)
        encoding = SimpleNamespace(
            is_packed=False, input_ids=shifted(batch.targets), labels=labels, attention_mask=ones, sentinel=False,
            rewards=torch.tensor(REWARDS, dtype=torch.float64).view(B, 1) * ones, advantages=advantages.view(B, 1) * ones,
            ref_logprobs=shifted(batch.reference), old_logprobs=shifted(batch.old), group_tokens=ones,
            num_labels=torch.tensor(LENGTHS, dtype=torch.float64).view(B, 1) * ones, overflow=0 * ones)
        last = torch.zeros(B, 1, V, dtype=torch.float64)  # after the last token, which predicts nothing
        model = lambda **_: SimpleNamespace(logits=torch.cat([batch.logits, last], 1))
        loss, _ = rl.rl_step(model, encoding, 0, 1, config)
        out[name] = batch.outcome(loss, advantages=advantages.tolist())
    return out


def luffy(folder):
    """Its shaped loss with the settings of its exp_scripts/train.sh: no clipping, no token mean (the sum over all tokens
    divided by the padded length: × T / B is seq_sum). Rollouts 2 and 5 are the demonstrations of their groups."""
    spec = importlib.util.spec_from_file_location("mix_core_alg", folder / "luffy/verl/verl/mix_src/mix_core_alg.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from verl.trainer.ppo import core_algos as algos
    rewards = torch.zeros(B, T, dtype=torch.float64)
    rewards[:, 0] = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    batch = Batch()
    advantages, _ = algos.compute_grpo_outcome_advantage(rewards, batch.mask, np.array(GROUPS),
                                                         norm_adv_by_std_in_grpo=False)
    demonstration = torch.zeros(B, T, dtype=torch.bool)
    demonstration[[2, 5]] = True
    result = module.compute_token_on_off_policy_loss(
        batch.old, batch.logprobs, advantages, batch.mask.bool(), cliprange=0.2, clip_upper_bound=100.0,
        prefix_mask=demonstration, off_cliprange=None, off_policy_reshape="p_div_p_0.1", loss_remove_token_mean=True,
        loss_remove_clip=True)
    return {"luffy": batch.outcome(result["pg_loss"] * T / B, advantages=advantages[:, 0].tolist())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipelinerl", type=Path, required=True)
    parser.add_argument("--luffy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    batch = Batch()
    golden = {
        "entropy_coef": ENTROPY_COEF, "kl_coef": KL_COEF, "lengths": LENGTHS, "rewards": REWARDS, "groups": GROUPS,
        "shape": [B, T, V], "logits": batch.logits.flatten().tolist(), "targets": batch.targets.flatten().tolist(),
        "old": batch.old.flatten().tolist(), "reference": batch.reference.flatten().tolist(), "peers": {}}
    versions = golden["versions"] = {"torch": torch.__version__}
    for name, made in [("verl", verl()), ("trl", trl()), ("pipelinerl", pipelinerl(args.pipelinerl)),
                       ("luffy", luffy(args.luffy))]:
        versions[name] = made.pop("version", None)
        golden["peers"].update(made)
    versions["pipelinerl"] = commit_of(args.pipelinerl)
    versions["luffy"] = commit_of(args.luffy)
    (args.out / "objective_peers.json").write_text(json.dumps(golden) + "\n")
    for name, peer in golden["peers"].items():
        print(f"{name:24} loss {peer['loss']:.6f}")


main()
