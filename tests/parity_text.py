"""Compares our tokenizers and chat prompts with Hugging Face's on every text at hand, id by id.

    python tests/parity_text.py --test-text build/test_text --data DATA [--tokenizer FOLDER …] [--gguf SmolLM2.gguf]
                                [--templates FOLDER]

Longer than the unit tests; needs tokenizers 0.23 and transformers (and the package gguf for --gguf). The texts: problem,
solution and answer of DATA/*.jsonl, the torture texts of the goldens, invalid UTF-8, every code point in several
surroundings. The tokenizers: those of tests/golden, the folders named, and the one that a GGUF file's tokens and merges
describe, built anew here with SmolLM2's pre-tokeniser. The chat templates: of the same folders and GGUF, and *.jinja of
the folder named. A template must give the prompt of apply_chat_template or be refused. Exits with 1 at the first
difference.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

GOLDEN = Path(__file__).parent / "golden"
KINDS = ("gpt2", "smollm", "qwen2", "llama3", "gemma", "llama2", "mistral", "metaspace")  # of its text_KIND
sys.path.insert(0, str(GOLDEN))
from make_text_goldens import render_chat  # noqa: E402


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


def templates_at_hand(arguments):
    """Name and Jinja text of each."""
    for path in sorted(arguments.templates.glob("*.jinja")) if arguments.templates else []:
        yield path.stem, path.read_text()
    for folder in arguments.tokenizer:
        config = json.loads((folder / "tokenizer_config.json").read_text())
        if isinstance(config.get("chat_template"), str):
            yield folder.name, config["chat_template"]
    if arguments.gguf:
        from gguf import GGUFReader

        yield arguments.gguf.stem, GGUFReader(arguments.gguf).fields["tokenizer.chat_template"].contents()


def chat_rows(tokenizer, name, template):
    """Conversations, and what transformers makes of each: ids, or null where it raises an error."""
    question, answer = "What is 2+2?", "\n First, we see 1 "
    cases = [(system, user, opening, {}) for system in (None, " Answer in French.\n") for user in (question, "\n\t Two\nlines ")
             for opening in ("", answer)]
    if "enable_thinking" in template:
        cases += [(None, question, opening, {"enable_thinking": False}) for opening in ("", answer)]
    if "</think>" in template:
        cases.append((None, question, "<think>\nhm\n</think>\n\nSo", {}))
    for system, user, opening, kwargs in cases:
        if "date_string" in template:
            kwargs = {**kwargs, "date_string": "01 Feb 2025"}
        try:
            ids = render_chat(tokenizer, template, system, user, opening, kwargs)[1]
        except Exception:  # raise_exception of the template, or a template that needs more than messages
            ids = None
        if ids is None and "['content'][0]['text']" in template:
            continue  # Gemma 3's older templates take a system message as a list of parts only
        yield {"name": name, "system": system, "user": user, "opening": opening, **kwargs, "ids": ids}


def check_templates(arguments, work):
    templates = dict(templates_at_hand(arguments))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(GOLDEN / "text_chat/tokenizer.json"),
                                        bos_token="<|begin_of_text|>", eos_token="<|im_end|>")
    rows = [row for name, template in templates.items() for row in chat_rows(tokenizer, name, template)]
    (Path(work) / "chat.json").write_text(json.dumps({"templates": templates, "rows": rows}))
    run_test(arguments, work, "TextParity.RendersWhatIsAsked")
    prompts = json.loads((Path(work) / "prompts.json").read_text())
    failed = False
    for name in templates:
        pairs = [(row, prompt) for row, prompt in zip(rows, prompts, strict=True) if row["name"] == name]
        refused = [prompt for _, prompt in pairs if isinstance(prompt, str)]
        wrong = [(row, prompt) for row, prompt in pairs if not isinstance(prompt, str) and prompt != row["ids"]]
        print(f"{name}: {len(pairs) - len(refused) - len(wrong)} prompts the same, {len(refused)} refused", flush=True)
        for row, prompt in wrong[:2]:
            print(f"FAILED {name} {row}\n  ours   {tokenizer.decode(prompt)!r}\n  theirs "
                  f"{row['ids'] and tokenizer.decode(row['ids'])!r}")
        failed = failed or wrong
    if failed:
        sys.exit(1)


def run_test(arguments, work, name):
    subprocess.run([arguments.test_text.resolve(), f"--gtest_filter={name}"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "POPE_TEXT_PARITY": str(work)})


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


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test-text", type=Path, required=True, help="the program test_text")
    parser.add_argument("--data", type=Path, help="folder of problem files")
    parser.add_argument("--tokenizer", type=Path, action="append", default=[], help="folder with tokenizer.json")
    parser.add_argument("--gguf", type=Path, help="SmolLM2 as GGUF")
    parser.add_argument("--templates", type=Path, help="folder of chat templates, *.jinja")
    arguments = parser.parse_args(argv)
    all_texts = list(torture()) + (list(texts_of_data(arguments.data)) if arguments.data else [])
    with tempfile.TemporaryDirectory() as work:
        check_templates(arguments, work)
        folders = list(arguments.tokenizer)
        if arguments.gguf:
            folders.append(tokenizer_of_gguf(arguments.gguf, Path(work) / "gguf"))
        folders += [GOLDEN / f"text_{kind}" for kind in KINDS]
        for one in folders:
            request = {"tokenizers": [str(one.resolve())], "texts": [text.hex() for text in all_texts]}
            (Path(work) / "request.json").write_text(json.dumps(request))
            run_test(arguments, work, "TextParity.EncodesWhatIsAsked")
            check(one, all_texts, json.loads((Path(work) / "ids.json").read_text())[0])
    print("passed")


if __name__ == "__main__":
    main()
