#!/usr/bin/env python3
"""Loads an adapter that pope trained with PEFT, and compares logits with those of the model that `pope export hf` merged it into.

    pip install peft transformers torch --extra-index-url https://download.pytorch.org/whl/cpu
    pope sft --model MODEL --problems solved.jsonl --out RUN --set lora.rank=8
    pope export hf --model RUN/model --out MERGED
    python3 tests/parity_peft.py MODEL RUN/model MERGED

Exit code 1 where the largest difference of a logit is above 1e-3, or the adapter changes nothing.
"""
import sys

import peft
import torch
import transformers

TEXTS = ["The capital of France is", "1, 2, 3, 4,", "def fib(n):\n    return"]


def logits_of(model, tokenizer):
    with torch.no_grad():
        return [model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS]


def largest(left, right):
    return max((a - b).abs().max().item() for a, b in zip(left, right))


def main():
    base_path, adapter_path, merged_path = sys.argv[1:]
    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path)
    base = transformers.AutoModelForCausalLM.from_pretrained(base_path, dtype=torch.float32).eval()
    plain = logits_of(base, tokenizer)
    adapted = logits_of(peft.PeftModel.from_pretrained(base, adapter_path).eval(), tokenizer)
    merged = transformers.AutoModelForCausalLM.from_pretrained(merged_path, dtype=torch.float32).eval()
    gap, change = largest(adapted, logits_of(merged, tokenizer)), largest(adapted, plain)
    print(f"PEFT {peft.__version__}: largest difference of a logit to the merged model {gap:.1e}; the adapter moves logits by {change:.2f}")
    sys.exit(gap > 1e-3 or change < 10 * gap)


if __name__ == "__main__":
    main()
