"""Writes rope_fields.json: which of "rope_scaling" and "rope_parameters" transformers (5.24) takes of a config.json with both.

    python make_rope_goldens.py

Each row: a config.json, and per type of layer what transformers makes of it.
"""

import json
from pathlib import Path

from transformers import AutoConfig

BASE = {
    "vocab_size": 61, "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8,
    "intermediate_size": 80, "max_position_embeddings": 64, "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
LINEAR, OTHER = {"rope_type": "linear", "factor": 2.0}, {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}
OLD = {"type": "linear", "factor": 2.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
BETA = {"llama_4_scaling_beta": 0.1}
FULL, SLIDING = {"rope_type": "default", "rope_theta": 300.0}, {"rope_type": "default", "rope_theta": 70.0}
BOTH = {"full_attention": FULL, "sliding_attention": SLIDING}
CONFIGS = [
    ("llama", {"rope_scaling": LINEAR, "rope_parameters": OTHER}),
    ("llama", {"rope_scaling": LINEAR, "rope_parameters": OTHER, "rope_theta": 900.0}),
    ("llama", {"rope_scaling": OTHER, "rope_parameters": LINEAR, "rope_theta": 900.0}),
    ("llama", {"rope_scaling": OLD, "rope_parameters": FULL}),
    ("llama", {"rope_scaling": {"rope_type": "default"}, "rope_parameters": OTHER}),
    ("llama", {"rope_scaling": {}, "rope_parameters": OTHER}),
    ("llama", {"rope_scaling": None, "rope_parameters": OTHER, "rope_theta": 900.0}),
    ("qwen3", {"rope_scaling": YARN, "rope_parameters": OTHER, "rope_theta": 900.0}),
    ("mistral", {"rope_scaling": OLD, "rope_parameters": YARN}),
    ("ministral3", {"rope_scaling": {**YARN, **BETA}, "rope_parameters": {**YARN, "llama_4_scaling_beta": 0.3, "factor": 8.0}}),
    ("gemma3_text", {"rope_scaling": LINEAR, "rope_parameters": BOTH}),
    ("gemma3_text", {"rope_scaling": OLD, "rope_parameters": BOTH}),
    ("gemma3_text", {"rope_scaling": OLD, "rope_theta": 900.0, "rope_local_base_freq": 40.0}),
    ("gemma3_text", {"rope_scaling": OTHER, "rope_parameters": BOTH, "rope_theta": 900.0}),
    ("gemma3_text", {"rope_scaling": {}, "rope_parameters": BOTH}),
    ("olmo3", {"rope_scaling": YARN, "rope_parameters": {**BOTH, "full_attention": OTHER}}),
    ("olmo3", {"rope_scaling": LINEAR, "rope_parameters": BOTH}),
]
KEPT = ["rope_type", "rope_theta", "factor", "llama_4_scaling_beta"]


def made_of(config):
    parameters = json.loads(json.dumps(AutoConfig.for_model(**json.loads(json.dumps(config))).rope_parameters))
    layers = parameters if "full_attention" in parameters else {"full_attention": parameters}
    return {name: {key: rope[key] for key in KEPT if key in rope} for name, rope in layers.items()}


if __name__ == "__main__":
    configs = [{"model_type": family, **BASE, **fields} for family, fields in CONFIGS]
    rows = [{"config": config, "rope": made_of(config)} for config in configs]
    path = Path(__file__).parent / "rope_fields.json"
    path.write_text("[" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "]\n")
