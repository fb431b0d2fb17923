"""Makes the goldens of tests/learn/optimizer_test.cpp: torch.optim.AdamW after clip_grad_norm_.

    python make_learn_goldens.py --out tests/golden

Needs torch and transformers (made with 2.11, 5.17). Deterministic.
  learn_adamw.json   three steps over a matrix (with weight decay) and a norm weight (without), with a global norm
                     above, below and above the clipping bound
  learn_steps.json   two whole steps of every model in golden/models: loss, gradient, clipping, AdamW, and the weights
"""

import argparse
import json
import math
from pathlib import Path

import torch
import transformers

SETTINGS = dict(lr=[3e-2, 2e-2, 1e-2], beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1, clip_norm=1.5)
SHAPES = {"matrix": (5, 4), "norm": (4,)}
GRADIENT_SIZES = [2.0, 0.1, 0.7]


def wave(shape, start, size):
    n = math.prod(shape)
    return torch.tensor([size * math.sin(start + 1.7 * i) for i in range(n)], dtype=torch.float32).reshape(shape)


# eps of the size of the gradients: with a tiny one the first step is lr · sign(g), whatever g is.
STEPS = dict(lr=[1e-2, 2e-2], beta1=0.8, beta2=0.95, eps=1e-2, weight_decay=0.1, clip_norm=1.0)


def optimizer_of(settings, parameters):
    parameters = list(parameters)
    return torch.optim.AdamW(
        [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": settings["weight_decay"]},
         {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}],
        betas=(settings["beta1"], settings["beta2"]), eps=settings["eps"])


def probe(weights):
    flat = weights.detach().flatten()
    at = sorted({0, 1, flat.numel() // 3, flat.numel() // 2, flat.numel() - 1})
    return {"at": at, "values": [flat[i].item() for i in at]}


def whole_steps(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ids = torch.tensor([json.loads((folder / "golden.json").read_text())["tokens"]])
    optimizer = optimizer_of(STEPS, model.parameters())
    steps = []
    for lr in STEPS["lr"]:
        for group in optimizer.param_groups:
            group["lr"] = lr
        loss = torch.nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), STEPS["clip_norm"]).item()
        optimizer.step()
        steps.append({"loss": loss.item(), "norm": norm,
                      "weights": {name: probe(p) for name, p in model.named_parameters()}})
    return steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    models = sorted(path.parent for path in (args.out / "models").glob("*/golden.json"))
    (args.out / "learn_steps.json").write_text(
        json.dumps({"settings": STEPS, "models": {folder.name: whole_steps(folder) for folder in models}}) + "\n")
    weights = {name: wave(shape, 0.3 + k, 0.5).requires_grad_() for k, (name, shape) in enumerate(SHAPES.items())}
    golden = {"settings": SETTINGS, "torch": torch.__version__,
              "initial": {name: w.flatten().tolist() for name, w in weights.items()}, "steps": []}
    optimizer = optimizer_of(SETTINGS, weights.values())
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
