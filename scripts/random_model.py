#!/usr/bin/env python3
"""Writes a Hugging Face directory with random weights in bf16, to see whether a shape fits a machine before fetching it.

    scripts/random_model.py --config config.json --tokenizer FOLDER --out DIR [--layers N]

The config is the model's own config.json (Llama, Qwen2, Qwen3, Gemma 3 text); --layers takes fewer layers of the same
width. The tokenizer's files are copied. Needs numpy. Weights are normal(0, 0.02), norms 1 (Gemma's 0), drawn once and
repeated at other offsets: the numbers do not matter here, their size and count do. Shards of at most 4 GB.
"""

import argparse
import json
import shutil
import struct
from math import prod
from pathlib import Path

import numpy as np

SHARD_BYTES = 4_000_000_000


def shapes(config):
    """Name and shape of every tensor, as transformers names them."""
    family, width, ffn = config["model_type"], config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or width // config["num_attention_heads"]
    queries, keys = config["num_attention_heads"] * head, config.get("num_key_value_heads", config["num_attention_heads"]) * head
    norms = ["input_layernorm", "post_attention_layernorm"]
    if family == "gemma3_text":
        norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
    yield "model.embed_tokens.weight", [config["vocab_size"], width]
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        yield from ((f"{prefix}{norm}.weight", [width]) for norm in norms)
        for name, rows in (("q", queries), ("k", keys), ("v", keys)):
            yield f"{prefix}self_attn.{name}_proj.weight", [rows, width]
            if family == "qwen2":
                yield f"{prefix}self_attn.{name}_proj.bias", [rows]
            if family in ("qwen3", "gemma3_text") and name != "v":
                yield f"{prefix}self_attn.{name}_norm.weight", [head]
        yield f"{prefix}self_attn.o_proj.weight", [width, queries]
        yield f"{prefix}mlp.gate_proj.weight", [ffn, width]
        yield f"{prefix}mlp.up_proj.weight", [ffn, width]
        yield f"{prefix}mlp.down_proj.weight", [width, ffn]
    yield "model.norm.weight", [width]
    if not config.get("tie_word_embeddings", family == "gemma3_text"):
        yield "lm_head.weight", [config["vocab_size"], width]


def to_bf16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def write_shard(path, tensors, fill):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + 2 * prod(shape)]}
        end += 2 * prod(shape)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            for piece in fill(name, prod(shape)):
                piece.tofile(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int)
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text())
    config["num_hidden_layers"] = arguments.layers or config["num_hidden_layers"]
    config.pop("layer_types", None)
    random = np.random.default_rng(1)
    block = to_bf16(random.normal(0, 0.02, 1 << 24))
    norm = to_bf16(np.full(1, 0.0 if config["model_type"] == "gemma3_text" else 1.0))

    def fill(name, count):
        if "norm" in name or name.endswith("bias"):
            yield np.repeat(norm if "norm" in name else np.zeros(1, np.uint16), count)
            return
        at = int(random.integers(len(block) // 2))
        while count > 0:
            piece = block[at : at + count]
            yield piece
            count, at = count - len(piece), 0

    shards = [[]]
    for name, shape in shapes(config):
        if 2 * sum(prod(s) for _, s in shards[-1]) + 2 * prod(shape) > SHARD_BYTES:
            shards.append([])
        shards[-1].append((name, shape))
    if arguments.out.exists():
        parser.error(f"{arguments.out} exists already")
    arguments.out.mkdir(parents=True)
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        if (arguments.tokenizer / name).exists():
            shutil.copy(arguments.tokenizer / name, arguments.out / name)
    weight_map = {}
    for number, tensors in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(arguments.out / name, tensors, fill)
        weight_map.update({tensor: name for tensor, _ in tensors})
    count = sum(prod(shape) for tensors in shards for _, shape in tensors)
    index = {"metadata": {"total_size": 2 * count}, "weight_map": weight_map}
    (arguments.out / "model.safetensors.index.json").write_text(json.dumps(index) + "\n")
    print(f"{count:,} parameters in {len(shards)} shards of bf16: {arguments.out}")


if __name__ == "__main__":
    main()
