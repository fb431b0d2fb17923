"""Makes learn_adamw.json, the golden of tests/learn/optimizer_test.cpp: torch.optim.AdamW after clip_grad_norm_.

    python make_learn_goldens.py --out tests/golden

Needs torch only (made with 2.11). Three steps over a matrix (with weight decay) and a norm weight (without), with a
global norm above, below and above the clipping bound. Deterministic.
"""

import argparse
import json
import math
from pathlib import Path

import torch

SETTINGS = dict(lr=[3e-2, 2e-2, 1e-2], beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1, clip_norm=1.5)
SHAPES = {"matrix": (5, 4), "norm": (4,)}
GRADIENT_SIZES = [2.0, 0.1, 0.7]


def wave(shape, start, size):
    n = math.prod(shape)
    return torch.tensor([size * math.sin(start + 1.7 * i) for i in range(n)], dtype=torch.float32).reshape(shape)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    weights = {name: wave(shape, 0.3 + k, 0.5).requires_grad_() for k, (name, shape) in enumerate(SHAPES.items())}
    golden = {"settings": SETTINGS, "torch": torch.__version__,
              "initial": {name: w.flatten().tolist() for name, w in weights.items()}, "steps": []}
    optimizer = torch.optim.AdamW(
        [{"params": [weights["matrix"]], "weight_decay": SETTINGS["weight_decay"]},
         {"params": [weights["norm"]], "weight_decay": 0.0}],
        betas=(SETTINGS["beta1"], SETTINGS["beta2"]), eps=SETTINGS["eps"])
    for t, (lr, size) in enumerate(zip(SETTINGS["lr"], GRADIENT_SIZES)):
        step = {"gradients": {}}
        for k, (name, w) in enumerate(weights.items()):
            w.grad = wave(SHAPES[name], 2.0 * t + 0.9 * k, size)
            step["gradients"][name] = w.grad.flatten().tolist()
        for group in optimizer.param_groups:
            group["lr"] = lr
        step["norm"] = torch.nn.utils.clip_grad_norm_(weights.values(), SETTINGS["clip_norm"]).item()
        optimizer.step()
        step["weights"] = {name: w.detach().flatten().tolist() for name, w in weights.items()}
        golden["steps"].append(step)
    (args.out / "learn_adamw.json").write_text(json.dumps(golden) + "\n")


main()
