"""Makes the goldens of GGUF files with the gguf package and transformers' tokenizers as the references.

    python make_gguf_goldens.py

Needs gguf, transformers, tokenizers; no torch.
  gguf_models.json        what a file of each tiny model in models/ holds: metadata under the package's keys, its names of the tensors
  gguf_pieces.json        SentencePiece vocabularies as files hold them, and the ids that transformers' reading of them gives
"""

import json
import math
from pathlib import Path

import gguf
from gguf.constants import Keys, MODEL_ARCH_NAMES
from transformers.integrations.gguf.gguf_tokenizer_mapping import convert_gguf_tokenizer

HERE = Path(__file__).parent
ARCHITECTURES = {"llama_bias": "LLAMA", "mistral": "LLAMA", "qwen2_yarn": "QWEN2", "qwen3": "QWEN3",
                 "qwen3_moe": "QWEN3MOE", "gemma3": "GEMMA3", "smollm3": "SMOLLM3", "olmo2": "OLMO2", "olmo3": "OLMO2",
                 "phi3": "PHI3", "granite": "GRANITE"}  # fmt: skip


def metadata_of(config, arch):
    """What llama.cpp's converter writes, by family."""
    name = MODEL_ARCH_NAMES[arch]
    rope = config["rope_parameters"]
    rope, sliding = rope.get("full_attention", rope), rope.get("sliding_attention", {})
    values = {
        Keys.LLM.CONTEXT_LENGTH: config["max_position_embeddings"], Keys.LLM.EMBEDDING_LENGTH: config["hidden_size"],
        Keys.LLM.BLOCK_COUNT: config["num_hidden_layers"], Keys.LLM.FEED_FORWARD_LENGTH: config["intermediate_size"],
        Keys.Attention.HEAD_COUNT: config["num_attention_heads"], Keys.Attention.HEAD_COUNT_KV: config["num_key_value_heads"],
        Keys.Attention.LAYERNORM_RMS_EPS: config["rms_norm_eps"], Keys.Rope.FREQ_BASE: rope["rope_theta"],
    }  # fmt: skip
    if config.get("head_dim"):
        values |= {Keys.Attention.KEY_LENGTH: config["head_dim"], Keys.Attention.VALUE_LENGTH: config["head_dim"]}
    if rope["rope_type"] in ("linear", "yarn"):
        values |= {Keys.Rope.SCALING_TYPE: rope["rope_type"], Keys.Rope.SCALING_FACTOR: rope["factor"]}
    if rope["rope_type"] == "yarn":
        values[Keys.Rope.SCALING_ORIG_CTX_LEN] = rope["original_max_position_embeddings"]
        for key, field in ((Keys.Rope.SCALING_YARN_BETA_FAST, "beta_fast"), (Keys.Rope.SCALING_YARN_BETA_SLOW, "beta_slow")):
            values[key] = rope[field]
    if name == "qwen3moe":
        values |= {Keys.LLM.EXPERT_COUNT: config["num_local_experts"], Keys.LLM.EXPERT_USED_COUNT: config["num_experts_per_tok"],
                   Keys.LLM.EXPERT_FEED_FORWARD_LENGTH: config["moe_intermediate_size"]}  # fmt: skip
    if name in ("gemma3", "olmo2") and config.get("sliding_window"):
        values |= {Keys.Attention.SLIDING_WINDOW: config["sliding_window"], Keys.Rope.FREQ_BASE_SWA: sliding["rope_theta"],
                   Keys.Attention.SLIDING_WINDOW_PATTERN: [t == "sliding_attention" for t in config["layer_types"]]}  # fmt: skip
    if name == "phi3":
        head_width = config["hidden_size"] // config["num_attention_heads"]
        values |= {Keys.Attention.SLIDING_WINDOW: config["sliding_window"] or 0,
                   Keys.Rope.DIMENSION_COUNT: int(head_width * rope["partial_rotary_factor"]),
                   Keys.Rope.SCALING_ORIG_CTX_LEN: rope["original_max_position_embeddings"]}  # fmt: skip
        scale = config["max_position_embeddings"] / rope["original_max_position_embeddings"]
        values[Keys.Rope.SCALING_ATTN_FACTOR] = math.sqrt(1 + math.log(scale) / math.log(rope["original_max_position_embeddings"]))
    if name == "granite":
        values |= {Keys.Attention.SCALE: config["attention_multiplier"], Keys.LLM.EMBEDDING_SCALE: config["embedding_multiplier"],
                   Keys.LLM.RESIDUAL_SCALE: config["residual_multiplier"], Keys.LLM.LOGIT_SCALE: config["logits_scaling"]}  # fmt: skip
    return {key.format(arch=name): value for key, value in values.items()}


def tensors_of(folder, arch, layers):
    """Name in the file → its name, or the names of the experts that it joins."""
    with open(folder / "model.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    listed = set(header) - {"__metadata__"}
    if arch == gguf.MODEL_ARCH.QWEN3MOE:  # files have no dense layers; here layer 0 is one of experts
        first = [name for name in listed if ".layers.0." in name]
        listed = {name for name in listed if ".layers." not in name}
        listed |= {name.replace(".layers.0.", f".layers.{layer}.") for name in first for layer in range(layers)}
    names = gguf.get_tensor_name_map(arch, layers)
    tensors = {}
    for name in sorted(listed):
        parts = name.split(".experts.")
        joined = name if len(parts) == 1 else parts[0] + ".experts." + parts[1].split(".", 1)[1]
        key = names.get_name(joined, try_suffixes=(".weight", ".bias"))
        if len(parts) == 1:
            tensors[key] = name
        else:
            tensors.setdefault(key, []).append(name)
    for key in tensors:
        if isinstance(tensors[key], list):
            tensors[key].sort(key=lambda name: int(name.split(".experts.")[1].split(".")[0]))
    return tensors


def make_models():
    rows = {}
    for model, name in ARCHITECTURES.items():
        folder, arch = HERE / "models" / model, gguf.MODEL_ARCH[name]
        config = json.loads((folder / "config.json").read_text())
        rows[model] = {"architecture": MODEL_ARCH_NAMES[arch], "metadata": metadata_of(config, arch),
                       "tensors": tensors_of(folder, arch, config["num_hidden_layers"])}  # fmt: skip
    (HERE / "gguf_models.json").write_text(json.dumps(rows, indent=1) + "\n")


def pieces_of(kind):
    """The vocabulary of text_KIND as SentencePiece would store it: tokens, scores, types."""
    description = json.loads((HERE / f"text_{kind}/tokenizer.json").read_text())
    added = {token["id"]: token for token in description["added_tokens"]}
    by_id = {i: token for token, i in description["model"]["vocab"].items()} | {i: t["content"] for i, t in added.items()}
    tokens = [by_id[i] for i in range(max(by_id) + 1)]
    ranks = {}
    for rank, (left, right) in enumerate(description["model"]["merges"]):
        ranks.setdefault(left + right, rank)
    # Some scores are those of another token: such merges go by their lengths.
    scores = [-float(ranks[t] // 3) if t in ranks else -1000.0 - i if len(t) == 1 else 0.0 for i, t in enumerate(tokens)]
    types = [6 if len(t) == 6 and t.startswith("<0x") else 1 for t in tokens]
    for i, token in added.items():
        types[i] = 2 if token["content"] == "<unk>" else 3 if token["special"] else 4
    return tokens, scores, types


def make_pieces():
    texts = json.loads((HERE / "text_ids.json").read_text())["texts"]
    # A text that spells a special token is text here, and what stands behind one is a part of its own.
    texts = [text for text in texts if "<" not in text] + ["a <|im_end|>the <|im_end|> end"]
    rows = []
    for kind, architecture in (("llama2", "llama"), ("llama2", "phi3"), ("gemma", "gemma3")):
        tokens, scores, types = pieces_of(kind)
        if architecture == "gemma3":  # files spell runs of spaces so
            tokens = [t.replace("\u2581", " ") if types[i] == 4 else t for i, t in enumerate(tokens)]
        backend, _ = convert_gguf_tokenizer(
            architecture, {"tokenizer_type": "llama", "tokens": tokens, "scores": scores, "token_type": types})
        ids = [backend.encode(text, add_special_tokens=False).ids for text in texts]
        rows.append({"architecture": architecture, "tokens": tokens, "scores": scores, "types": types, "ids": ids})
    (HERE / "gguf_pieces.json").write_text(json.dumps({"texts": texts, "rows": rows}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    make_models()
    make_pieces()
