"""Makes the goldens of LoRA with PEFT as the reference.

    python make_lora_goldens.py --out tests/golden

Needs torch, transformers, peft (golden.json says which version), safetensors. Deterministic for given versions.
  lora_qwen2/   an adapter beside every linear layer of models/qwen2 as save_pretrained writes it, with golden.json: tokens,
                logits, mean negative log-likelihood, its gradient for every A and B, and some values after one step of
                torch.optim.AdamW
"""

import argparse
import json
from pathlib import Path

import peft
import torch
import transformers
from make_model_goldens import TOKENS

RANK, ALPHA = 4, 10
ADAMW = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)


def saved_name(name):
    return name.replace(".default", "")


def numbers(values):
    """Nested lists with the digits that an f32 has."""
    return float(f"{values.item():.8g}") if values.dim() == 0 else [numbers(part) for part in values]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    base = transformers.AutoModelForCausalLM.from_pretrained(out / "models" / "qwen2", dtype=torch.float32,
                                                             attn_implementation="eager")
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(base, config)
    generator = torch.Generator().manual_seed(7)
    adapter = {name: value for name, value in model.named_parameters() if value.requires_grad}
    for value in adapter.values():
        value.data.copy_(0.3 * torch.randn(value.shape, generator=generator))
    model.peft_config["default"].base_model_name_or_path = "../models/qwen2"
    folder = out / "lora_qwen2"
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)

    ids = torch.tensor([TOKENS])
    logits = model(ids).logits[0]
    loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
    loss.backward()
    golden = {"peft": peft.__version__, "rank": RANK, "alpha": ALPHA, "tokens": TOKENS, "logits": numbers(logits),
              "nll": loss.item(), "adamw": ADAMW,
              "gradients": {saved_name(name): numbers(value.grad.flatten()) for name, value in adapter.items()}}
    torch.optim.AdamW(adapter.values(), **ADAMW).step()
    golden["stepped"] = {saved_name(name): numbers(value.flatten()[:8]) for name, value in adapter.items()}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
