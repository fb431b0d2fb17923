"""Makes self_distillation_trl.json, the golden of tests/learn/self_distillation_test.cpp: what the loss functions of TRL's
SDFTTrainer give for one small batch of logits, by their own code.

    pip install trl==1.16.0        # and torch 2.11
    python make_self_distillation_goldens.py --out tests/golden

All in float64; the gradient is that of the student's logits. Each completion is averaged over its tokens, then the
completions, as SDFTTrainer._compute_self_distillation_loss does; `old` are logprobs at the time of sampling, for its
importance weight, which it clips at distillation_is_clip = 2 and leaves out where they are the student's own.
"""

import argparse
import json
import math
from pathlib import Path

import torch
import trl
from trl.experimental.sdft import loss_utils

# 3 completions of T = 4 positions at most over a vocabulary of V = 6.
LENGTHS, T, V = [3, 4, 1], 4, 6
B = len(LENGTHS)


def wave(shape, start, size):
    n = math.prod(shape)
    return torch.tensor([size * math.sin(start + 1.7 * i) for i in range(n)], dtype=torch.float64).reshape(shape)


def outcome(mode, clips):
    student, teacher = wave((B, T, V), 0.4, 2.0).requires_grad_(), wave((B, T, V), 1.3, 1.5)
    ids = torch.tensor([[(3 * b + 2 * t) % V for t in range(T)] for b in range(B)])
    mask = torch.tensor([[float(t < n) for t in range(T)] for n in LENGTHS], dtype=torch.float64)
    logprobs = student.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    old = logprobs.detach() - wave((B, T), 0.9, 1.9)  # ratios from e^-1.9 to e^1.9
    if mode == "full_logits":
        loss = loss_utils.compute_full_logit_self_distillation_loss(student, teacher, distillation_alpha=1.0)
    else:
        loss = loss_utils.compute_sampled_token_self_distillation_loss(student, teacher, ids, distillation_alpha=1.0)
    if clips:
        loss = loss_utils.apply_importance_sampling_clipping(loss, logprobs, old, 2.0)
    loss = ((loss * mask).sum(-1) / mask.sum(-1)).mean()
    (gradient,) = torch.autograd.grad(loss, student)
    return {"loss": loss.item(), "gradient": gradient.flatten().tolist(), "student": student.flatten().tolist(),
            "teacher": teacher.flatten().tolist(), "ids": ids.flatten().tolist(), "old": old.flatten().tolist()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    golden = {"versions": {"trl": trl.__version__, "torch": torch.__version__}, "shape": [B, T, V], "lengths": LENGTHS,
              "cases": {}}
    for over, mode in [("vocabulary", "full_logits"), ("token", "sampled_token")]:
        for clips in (False, True):
            made = outcome(mode, clips)
            golden.update({key: made.pop(key) for key in ("student", "teacher", "ids", "old")})
            golden["cases"][over + ("_off_policy" if clips else "")] = made
            print(f"{over:12} off-policy {clips!s:6} loss {made['loss']:.6f}")
    (out / "self_distillation_trl.json").write_text(json.dumps(golden) + "\n")


main()
