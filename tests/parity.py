"""The long comparison with transformers and tokenizers, all of it by one command.

    python tests/parity.py --build build [--smollm2 SmolLM2-135M-Instruct.Q4_1.gguf] [--data DATA] [--tokenizer FOLDER …]
                           [--templates FOLDER]

Needs torch, transformers, tokenizers, safetensors; for the GGUF also gguf and accelerate; and the programs test_model and
test_text in the build folder. In this order:
1. what save_model writes of the golden models and the GGUF, read by transformers: no missing or unexpected weights, the
   same tokens, logits, generation settings and chat template;
2. SmolLM2 in fp32, read from the GGUF by either side, against transformers in fp64: logits of the whole forward and of
   cached decoding, logprob per token, loss, and its gradient for every parameter;
3. tokenizers and chat templates: parity_text.py.
Prints the largest differences; exits with 1 at the first that is too large.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import parity_text
import torch
import transformers
from safetensors.torch import load_file

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
    # Same weights, same library: differences come from its version and thread counts at most. Logits are of order 10.
    worst = close(logits, golden["logits"], 2e-5, folder.name)
    print(f"{folder.name}: {len(golden['tokens'])} tokens, logits within {worst:g}")


def check_smollm2(folder, gguf_file):
    from gguf import GGUFReader

    model, tokenizer = load(folder)
    template = GGUFReader(gguf_file).fields["tokenizer.chat_template"].contents()
    expect(tokenizer.chat_template == template, "smollm2: the chat template is not the one of the file")
    for case in json.loads((GOLDEN / "smollm2_logits.json").read_text())["cases"]:
        expect(tokenizer(case["text"]).input_ids == case["ids"], f"smollm2: tokens of {case['text']!r} differ")
        with torch.no_grad():
            logits = model(torch.tensor([case["ids"]])).logits[0]
        for position in case["positions"]:
            close(logits[position["at"]][position["ids"]], position["logits"], 1e-3, "smollm2")
    message = tokenizer.apply_chat_template([{"role": "user", "content": "2 + 2?"}], tokenize=False)
    expect("<|im_start|>user\n2 + 2?<|im_end|>" in message, "smollm2: chat template")
    print("smollm2: tokens and logits agree")


def check_numbers(test_model, gguf_file):
    """Ours and transformers' in fp32 against transformers' in fp64, all from the GGUF, on the texts of smollm2_logits.json."""
    rows = [case["ids"] for case in json.loads((GOLDEN / "smollm2_logits.json").read_text())["cases"]]
    model = transformers.AutoModelForCausalLM.from_pretrained(
        gguf_file.parent, gguf_file=gguf_file.name, dtype=torch.float32, attn_implementation="eager").eval()
    # transformers drops the pad token's gradient as an input: SmolLM2's is <|im_end|>, which texts hold. We keep it.
    model.get_input_embeddings().padding_idx = None
    theirs = [numbers_of(model, row) for row in rows]
    model.double()
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "request.json").write_text(json.dumps({"model": str(gguf_file.resolve()), "rows": rows}))
        subprocess.run([test_model, "--gtest_filter=Parity.WritesItsNumbers"], check=True,
                       env={**os.environ, "POPE_PARITY": work}, stdout=subprocess.DEVNULL)
        for n, row in enumerate(rows):
            exact = numbers_of(model, row)
            print(f"smollm2 text {n}, {len(row)} tokens, loss {exact['nll'].item():.5f}; distance from fp64")
            print("  transformers in fp32:", text_of(distances(theirs[n], exact)))
            ours = distances(load_file(Path(work) / f"{n}.safetensors"), exact)
            print("  ours:                ", text_of(ours), flush=True)
            # Logits are of order 20, losses of order 4.
            for kind, allowed in (("logits", 1e-3), ("cached_logits", 1e-3), ("logprobs", 1e-3), ("nll", 1e-5), ("grad", 1e-4)):
                expect(ours[kind] <= allowed, f"smollm2 text {n}: {kind} is off by {ours[kind]:g}, allowed {allowed:g}")


def numbers_of(model, row):
    """What the test Parity.WritesItsNumbers writes, by transformers."""
    ids = torch.tensor([row])
    model.zero_grad(set_to_none=True)
    logits = model(ids).logits[0]
    logprobs = logits[:-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    nll = -logprobs.mean()
    nll.backward()
    gradients = {"grad." + name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    return {"logits": logits.detach(), "logprobs": logprobs.detach(), "nll": nll.detach(), **gradients}


def distances(numbers, exact):
    """The largest difference of each kind; for gradients the largest over parameters, relative to their norm."""
    result = {"grad": 0.0}
    expect(set(exact) <= set(numbers), "smollm2: there is no gradient of every parameter")
    for name, values in numbers.items():
        difference = values.double() - exact[name.removeprefix("cached_")]
        if name.startswith("grad."):
            result["grad"] = max(result["grad"], (difference.norm() / exact[name].norm()).item())
        else:
            result[name] = difference.abs().max().item()
    return result


def text_of(found):
    return ", ".join(f"{kind} {distance:.1e}" for kind, distance in sorted(found.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"), help="folder of test_model and test_text")
    parser.add_argument("--smollm2", type=Path, help="SmolLM2-135M-Instruct as GGUF: scripts/fetch_model.sh smollm2")
    parser.add_argument("--data", type=Path, help="folder of problem files, as texts")
    parser.add_argument("--tokenizer", type=Path, action="append", default=[], help="folder with tokenizer.json")
    parser.add_argument("--templates", type=Path, help="folder of chat templates, *.jinja")
    arguments = parser.parse_args()
    test_model = (arguments.build / "test_model").resolve()
    with tempfile.TemporaryDirectory() as out:
        environment = {**os.environ, "POPE_SAVE_MODELS": out}
        environment.pop("POPE_SMOLLM2", None)
        if arguments.smollm2:
            environment["POPE_SMOLLM2"] = str(arguments.smollm2.resolve())
        subprocess.run([test_model, "--gtest_filter=Parity.SavesModelsForTransformers"], env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        for folder in sorted(Path(out).iterdir()):
            check_smollm2(folder, arguments.smollm2) if folder.name == "smollm2" else check_tiny(folder)
    if arguments.smollm2:
        check_numbers(test_model, arguments.smollm2)
    text = ["--test-text", str(arguments.build / "test_text")]
    for option, value in (("--data", arguments.data), ("--gguf", arguments.smollm2), ("--templates", arguments.templates)):
        text += [option, str(value)] if value else []
    for folder in arguments.tokenizer:
        text += ["--tokenizer", str(folder)]
    parity_text.main(text)
