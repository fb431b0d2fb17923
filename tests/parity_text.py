"""Compares our tokenizers with Hugging Face's on every text at hand, id by id.

    python tests/parity_text.py --test-text build/test_text --data DATA [--tokenizer FOLDER …] [--gguf SmolLM2.gguf]

Longer than the unit tests; needs tokenizers 0.23 (and the package gguf for --gguf). The texts: problem, solution and
answer of DATA/*.jsonl, the torture texts of the goldens, invalid UTF-8, every code point in several surroundings. The
tokenizers: those of tests/golden, the folders named, and the one that a GGUF file's tokens and merges describe, built
anew here with SmolLM2's pre-tokeniser. Exits with 1 at the first difference.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

GOLDEN = Path(__file__).parent / "golden"


def texts_of_data(folder):
    for path in sorted(Path(folder).glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            row = json.loads(line) if line else {}
            yield from (row[key].encode() for key in ("problem", "solution", "answer") if row.get(key))


def torture():
    goldens = json.loads((GOLDEN / "text_ids.json").read_text())
    yield from (text.encode() for text in goldens["texts"])
    yield from (bytes.fromhex(text) for text in goldens["bad_bytes"])
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for surround in ["{}", "a{}b", " {}1", "'{}e 've{}", "\n{}\n ", "e\u0301{}\u0323"]:
        for at in range(0, len(points), 64):
            yield "".join(surround.replace("{}", c) for c in points[at : at + 64]).encode()
    yield from (bytes([a, b, 0x20, b, a]) for a in range(128, 256) for b in range(256))
    yield from (b"a" + c * n + b"b" for c in (b" ", b"\r\n", b"\n", b"\t ", b"\0") for n in range(1, 300, 7))


def tokenizer_of_gguf(path, folder):
    """A reference built from the file's own lists, by another reader than ours."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    tokens, merges = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges"))
    types = fields["tokenizer.ggml.token_type"].contents()
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"
    vocab = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, [tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == 3])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def expected_ids(tokenizer, texts, parse_special):
    tokenizer.encode_special_tokens = not parse_special
    for at in range(0, len(texts), 2000):
        batch = [text.decode("utf-8", errors="replace") for text in texts[at : at + 2000]]
        yield from (encoding.ids for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False))


def check(folder, texts, rows):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for parse_special in (False, True):
        for text, row, expected in zip(texts, rows, expected_ids(tokenizer, texts, parse_special), strict=True):
            found = row[1] if parse_special and row[1] is not None else row[0]
            if found != expected:
                sys.exit(f"FAILED {folder}: {text!r} (special {parse_special})\n  ours {found}\n  theirs {expected}")
    print(f"{folder.name}: {len(texts)} texts, {sum(map(len, texts))} bytes, twice: the same ids", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test-text", type=Path, required=True, help="the program test_text")
    parser.add_argument("--data", type=Path, help="folder of problem files")
    parser.add_argument("--tokenizer", type=Path, action="append", default=[], help="folder with tokenizer.json")
    parser.add_argument("--gguf", type=Path, help="SmolLM2 as GGUF")
    arguments = parser.parse_args()
    all_texts = list(torture()) + (list(texts_of_data(arguments.data)) if arguments.data else [])
    with tempfile.TemporaryDirectory() as work:
        folders = list(arguments.tokenizer)
        if arguments.gguf:
            folders.append(tokenizer_of_gguf(arguments.gguf, Path(work) / "gguf"))
        folders += [GOLDEN / f"text_{kind}" for kind in ("gpt2", "smollm", "qwen2", "llama3")]
        for one in folders:
            request = {"tokenizers": [str(one.resolve())], "texts": [text.hex() for text in all_texts]}
            (Path(work) / "request.json").write_text(json.dumps(request))
            subprocess.run([arguments.test_text.resolve(), "--gtest_filter=TextParity.*"], check=True,
                           env={**os.environ, "POPE_TEXT_PARITY": work}, stdout=subprocess.DEVNULL)
            check(one, all_texts, json.loads((Path(work) / "ids.json").read_text())[0])
    print("passed")
