"""Makes the goldens of tests/text with Hugging Face's own libraries (tokenizers 0.23, transformers 5.23, jinja2).

    python make_text_goldens.py [folder of the Qwen3 tokenizer] [folder of the problem files]

Without arguments: trains one tiny tokenizer per pre-tokeniser kind (text_KIND/) and writes text_ids.json,
text_chat.json, text_added.json and text_classes.json. With the two folders: writes text_qwen3.json, digests of the ids of real problem statements.

The chat templates here are ours. They render one conversation as the families document it (system, user, answer), with
the same strings and conditions around it, and leave out tools and further turns.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from tokenizers import decoders, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

HERE = Path(__file__).parent

CORPUS = [
    "The quick brown fox doesn't jump; they've seen it, and I'm sure we'll do it again.",
    "Step 1: let x = 3.14159 and y = 1,000,000. Then x + y = 1000003.14159.",
    "Therefore \\frac{1}{2} \\cdot \\sqrt{16} = 2, and the answer is \\boxed{2}.",
    "def f(n):\n    if n < 2:\n        return 1\n    return n * f(n - 1)\n\n\n",
    "Le café est fermé ; l'été, naïve Zoë mange des crêpes à Orléans.",
    "数学の問題を解く。答えは四十二です。 Ответ: сорок два. Η απάντηση είναι σαράντα δύο.",
    "Emoji: 👩‍🚀🎉🎉 and tabs\t\tand   spaces    here.\r\nA new line.\r\n\r\nAnother one.",
    "He said: \"It's 5 o'clock, isn't it?\" She'd said so; YOU'RE LATE, IT'S TRUE!",
    "100 200 300 2024 12345 67890 0.5 50% $20 -7 +8 (9) [10] {11} <12> a_1 b^2",
] * 2

TEXTS = [
    "", " ", "  ", "a", " a", "a ", "   a   b  ", "\n", "\n\n", "a\n\nb", "a \n b", " \n ", "\r\n\r\n", "a\r\n\r\n  b", "\t\tx",
    "Hello, world! It's 3.14159 and 1,000,000.",
    "I'M, I'm, YOU'RE, we'll, 's, 'S, 'd've, 'ſ tail, rock'n'roll, ''''",
    "x=1234567890123456789012345678901234567890",
    "٣٤٥ ४५६ Ⅷ ½ ² ①",
    "cafe\u0301 caf\u00e9 na\u00efve nai\u0308ve \u1e9b\u0323 \u0041\u030a \u212b",
    "a\u0300\u0301\u0302\u0303\u0304\u0305 e\u0323\u0302",
    "👩‍🚀👨‍👩‍👧‍👦🏳️‍🌈 👍🏽",
    "line\u2028sep\u2029para\u0085nel\u00a0nbsp\u3000ideo\u200bzero\ufeffbom",
    "nul\x00nul\x00\x00 \x01\x1f\x7f",
    "数学の問題を解く。42です",
    "가각힣 \u1100\u1161\u11a8",
    "देवनागरी क्षि ไทยภาษา עברית العربية",
    "𝒳 ∈ ℝ, ∑ᵢ xᵢ² ≤ ½ ⇒ ∎ 𐍈",
    "<|im_end|>", "a<|im_end|>b", "<|im_start|>user\nhi<|im_end|>\n", "<|im_end|", "<<|im_end|>>", "<|im_end|><|im_end|>",
    "<|endoftext|>tail", " <|endoftext|> ", "<think>x</think>", "a <mask> b<mask>c  <mask>\n\nd", "<thin", "<|im_end|><mask> <think>",
    "the cafe\u0301token and caf\u00e9token", "an unreachable word", "<thinker> </think> <think",
    "a word, words sword word2 word_ word\u200d -word- \u24b6word word\u0301 wordword word", "a  summer l'summers \u3000summer\u00e9 -summer",
    "<mask>   x <mask>  <mask>   ",
    "    indented\n\tcode()\n        more   \n   \n\nend   ",
    "....!!!???---===", "a.b,c;d:e!f?g", "\\frac{1}{2}\\sqrt[3]{x}\\\\[2pt]\n$$x^2$$",
    "\ufffd \ufffd\ufffd", "\U0010ffff\ue000",
    " " * 257, "a" * 300, "ab " * 100, "\n" * 65, "9" * 130, " \n" * 40, "é" * 120, "🎉" * 50,
]  # fmt: skip

BAD_BYTES = [
    "80", "ff", "61ff62", "c3", "61c3", "c328", "e28228", "e2 82", "f09f98", "f09f9861", "f0288cbc", "eda080", "edb080", "c080",
    "e08080", "f08080a0", "f4908080", "f8888080", "fe", "61f0908d", "e2c3a9", "c3a9e2",
]  # fmt: skip

GPT4_LIKE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
PRE_TOKENIZERS = {
    "gpt2": GPT2,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2]),
    "qwen2": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4_LIKE % ""), "isolated"), BYTES]),
    "llama3": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4_LIKE % "{1,3}"), "isolated"), BYTES]),
    "gemma": pre_tokenizers.Split(" ", "merged_with_previous"),
    # Spaces marked as SentencePiece does, and one mark in front: by normalizers (Llama 2), by Metaspace at the start of
    # the text alone (Mistral), by Metaspace in front of every part, which is then cut at the marks.
    "llama2": None,
    "mistral": pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
    "metaspace": pre_tokenizers.Metaspace(prepend_scheme="always", split=True),
}
MARKED = ["gemma", "llama2", "mistral", "metaspace"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# Chat templates in the ways that model makers write them: default system message in the loop, in an else branch
# with line breaks as escapes, and none.
QWEN_HEAD = (
    "{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if message.role == 'user' %}{{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- elif message.role == 'assistant' %}"
)
QWEN_REASONS = (
    "{%- set content = message.content %}{%- set reasoning_content = '' %}{%- if '</think>' in message.content %}"
    "{%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}{%- set reasoning_content = "
    "message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}{%- endif %}"
    "{{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + "
    "content.lstrip('\\n') }}{{- '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
)
LLAMA3_TURNS = (
    "{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + "
    "message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA31_DATE = (
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set system_message = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n' }}"
    "{{- 'Today Date: ' + date_string + '\n\n' + system_message + '<|eot_id|>' }}"
)
GEMMA_TURNS = (
    "{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
CHAT_TEMPLATES = {
    "in_loop": (
        "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\n"
        "You are Tiny, a helpful model<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + "
        "'<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "in_else": (
        "{%- if messages[0]['role'] == 'system' %}\n    {{- '<|im_start|>system\\n' + messages[0]['content'] + "
        "'<|im_end|>\\n' }}\n{%- else %}\n    {{- '<|im_start|>system\\nDon\\'t guess.\\nYou are \"Tiny\".<|im_end|>\\n' }}\n"
        "{%- endif %}\n{%- for m in messages %}\n    {%- if m.role != 'system' %}\n        {{- '<|im_start|>' + m.role + '\\n' + "
        "m.content + '<|im_end|>\\n' }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
        "    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
    ),
    "in_variable": (
        "{% set system_message = 'You are \\'Tiny\\'.' %}{% if messages[0]['role'] == 'system' %}{% set system_message = "
        "messages[0]['content'] %}{% endif %}{{ '<|im_start|>system\n' + system_message + '<|im_end|>\n' }}{% for m in messages %}"
        "{% if m['role'] != 'system' %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "in_pieces": (
        "{%- if messages[0]['role'] != 'system' -%}{{- '<|im_start|>system\\n' + 'You\\'re Tiny.  Obey.' + '<|im_end|>\\n' }}{%- endif %}"
        "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
    ),
    "none": (
        "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
    ),
    "with_bos": (
        "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    # Qwen3: an instruct model (2507) that never reasons, a hybrid, a model that always reasons (2507).
    "qwen3_instruct": (
        QWEN_HEAD + "{{- '<|im_start|>assistant\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
    ),
    "qwen3_hybrid": (
        QWEN_HEAD + QWEN_REASONS + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
        "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
    ),
    "qwen3_thinking": (
        QWEN_HEAD + QWEN_REASONS + "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
    ),
    "llama3": "{{ bos_token }}" + LLAMA3_TURNS,
    "llama31": (
        "{{- bos_token }}{%- if not date_string is defined %}{%- set date_string = \"26 Jul 2024\" %}{%- endif %}"
        + LLAMA31_DATE + LLAMA3_TURNS
    ),
    "llama31_dateless": (
        "{{- bos_token }}{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}"
        "{%- set messages = messages[1:] %}{%- else %}{%- set system_message = '' %}{%- endif %}"
        "{{- '<|start_header_id|>system<|end_header_id|>\n\n' + system_message + '<|eot_id|>' }}" + LLAMA3_TURNS
    ),
    "gemma2": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% set first = '' %}" + GEMMA_TURNS
    ),
    "gemma3": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\n\n' %}"
        "{% set messages = messages[1:] %}{% else %}{% set first = '' %}{% endif %}" + GEMMA_TURNS
    ),
}
CHAT_SPECIAL = ["<|begin_of_text|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
                "<start_of_turn>", "<end_of_turn>"]  # fmt: skip


def random_texts():
    rng = random.Random(7)
    parts = [" ", "  ", "\n", "\r\n", "\t", "a", "The", "x1", "12", "'s", "'LL", ".", "!!", "é", "e\u0301", "数", "🎉", "\u200d",
             "<|im_end|>", "<think>", "<mask>", "\u00a0", "\u2028", "\x00", "\\frac", "{", "$", "ß", "Ω", "½"]  # fmt: skip
    return ["".join(rng.choice(parts) for _ in range(rng.randint(2, 14))) for _ in range(80)]


def make_marked(kind):
    """Characters, or their bytes; spaces marked. As Gemma's: runs of white space as added tokens that are text."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    marks, front_mark = normalizers.Replace(" ", "\u2581"), normalizers.Prepend("\u2581")
    if kind in ["gemma", "llama2"]:
        tokenizer.normalizer = marks if kind == "gemma" else normalizers.Sequence([front_mark, marks])
    if kind != "llama2":
        tokenizer.pre_tokenizer = PRE_TOKENIZERS[kind]
    strip = [] if kind == "gemma" else [decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()] + strip)
    front = ["<pad>", "<eos>", "<bos>", "<unk>"]
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=600, min_frequency=2, show_progress=False,
                                  special_tokens=front + byte_tokens)
    tokenizer.train_from_iterator(CORPUS[:5] + CORPUS[9:14], trainer)  # no Japanese, Greek, Cyrillic, emoji: these fall back
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = description["added_tokens"][: len(front)]
    tokenizer = Tokenizer.from_str(json.dumps(description))
    white = ["\n\n", "\u2581\u2581", "\t"] if kind == "gemma" else ["<think>"]
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in white])
    if kind != "gemma":  # found in normalised text: behind a mark, where the normalizer puts one in front of the token too
        tokenizer.add_special_tokens([AddedToken("<mask>", normalized=True)])
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer.to_str()


def make_tiny(kind):
    if kind in MARKED:
        return make_marked(kind)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[kind]
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=480,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=SPECIAL if kind == "smollm" else [],
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    if kind == "llama3":
        description = json.loads(tokenizer.to_str())
        model = description["model"]
        model["ignore_merges"] = True
        model["vocab"]["\u0120unreachable"] = 480  # a word that no merge reaches
        tokenizer = Tokenizer.from_str(json.dumps(description))
    if kind != "smollm":  # the special tokens stand behind the vocabulary
        tokenizer.add_special_tokens(SPECIAL)
    if kind == "qwen2":
        tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ["<think", "<think>", "</think>"]])
        tokenizer.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False)])
        tokenizer.add_tokens([AddedToken("caf\u00e9token", normalized=True)])
        tokenizer.add_tokens([AddedToken("word", single_word=True, normalized=False)])
        tokenizer.add_tokens([AddedToken("summer", single_word=True, lstrip=True, normalized=True)])
        tokenizer.add_tokens([AddedToken("  ", normalized=False)])
    text = tokenizer.to_str()
    if kind == "llama3":  # older files spell a merge as one string
        description = json.loads(text)
        description["model"]["merges"] = [" ".join(pair) for pair in description["model"]["merges"]]
        text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
    return text


def make_words():
    words = ["<eos>", "<unk>", "r", "=", "1", "2", "+", ";", "stop"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<eos>"])
    return tokenizer.to_str()


def write_json(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=True, indent=None, separators=(",", ":")) + "\n")


def write_tokenizer(kind, text, template=None, more=None):
    folder = HERE / f"text_{kind}"
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<eos>" if kind == "word" else "<|im_end|>"}
    config.update(more or {})
    if template:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    return Tokenizer.from_str(text)


def encode(tokenizer, text, parse_special):
    tokenizer.encode_special_tokens = not parse_special
    return tokenizer.encode(text, add_special_tokens=False).ids


def golden_of(tokenizer, texts):
    rows = []
    # Not by skip_special_tokens alone: it keeps special tokens whose spelling the normalizer changes.
    special_ids = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    for text in texts:
        plain, special = encode(tokenizer, text, False), encode(tokenizer, text, True)
        decoded = tokenizer.decode([i for i in special if i not in special_ids], skip_special_tokens=True)
        # Hugging Face takes the e-acute of an added token for a byte; an added token is its own text.
        decoded = decoded.replace("caf\ufffdtoken", "caf\u00e9token")
        row = {"plain": plain, "decoded": decoded}
        if special != plain:
            row["special"] = special
        rows.append(row)
    return rows


def make_ids():
    texts = TEXTS + random_texts()
    bad = [bytes.fromhex(b) for b in BAD_BYTES]
    result = {"texts": texts, "bad_bytes": [b.hex() for b in bad], "tokenizers": {}, "bad": {}}
    for kind in PRE_TOKENIZERS:
        template = CHAT_TEMPLATES["in_loop"] if kind == "smollm" else None
        tokenizer = write_tokenizer(kind, make_tiny(kind), template)
        result["tokenizers"][kind] = golden_of(tokenizer, texts)
        result["bad"][kind] = golden_of(tokenizer, [b.decode("utf-8", errors="replace") for b in bad])
    words = write_tokenizer("word", make_words())
    result["word_texts"] = ["r = 1 + 2 ; stop", " r\t=\n2 \u3000 r\u00a0= ", "r what 1", "<eos>", "r<eos> 1 <eos>", "", "1\u2028 2"]
    rows = golden_of(words, result["word_texts"])
    for row in rows:  # in Hugging Face's plain text a word may spell a special token; not in ours
        row.setdefault("special", row["plain"])
        row["plain"] = [1 if i == 0 else i for i in row["plain"]]
    result["tokenizers"]["word"] = rows
    write_json("text_ids.json", result)


def chat_cases(name):
    systems = [None] if name == "gemma2" else [None, " Answer in French.\n"]
    users = ["What is 2+2?", "\n\t\u3000 Two lines\nof 'text' \x1c\u00a0 "]
    for system in systems:
        for user in users:
            yield system, user, "", {}
        yield system, users[0], "\n First, we see 1 ", {}
    if name == "llama31":
        yield None, users[0], "", {"date_string": "01 Feb 2025"}
    if name.startswith("qwen3"):
        yield None, users[0], "", {"enable_thinking": False}
        yield None, users[0], "So", {"enable_thinking": False}
        yield None, users[0], "<think>\nhm\n</think>\n\nSo", {}


def render_chat(tokenizer, template, system, user, opening, kwargs):
    """What transformers renders: as text, and as ids. The date is the template's own, whatever the day."""
    messages = ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": user}]
    if opening:
        messages.append({"role": "assistant", "content": opening})
    kwargs = {**kwargs, "chat_template": template, "add_generation_prompt": not opening, "continue_final_message": bool(opening)}
    text = tokenizer.apply_chat_template(messages, tokenize=False, **kwargs)
    return text, tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **kwargs)


def make_chat():
    backend = Tokenizer.from_str(make_tiny("llama3"))
    backend.add_special_tokens(CHAT_SPECIAL)
    backend.add_tokens(["<think>", "</think>"])
    write_tokenizer("chat", backend.to_str(), more={"bos_token": "<|begin_of_text|>"})
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<|begin_of_text|>", eos_token="<|im_end|>")
    rows = []
    for name, template in CHAT_TEMPLATES.items():
        for system, user, opening, kwargs in chat_cases(name):
            text, ids = render_chat(tokenizer, template, system, user, opening, kwargs)
            rows.append({"name": name, "system": system, "user": user, "opening": opening, **kwargs, "text": text, "ids": ids})
    write_json("text_chat.json", {"templates": CHAT_TEMPLATES, "rows": rows, "prefixes": make_prefixes(backend)})


def make_prefixes(backend):
    """What tokenizer(text) puts around a text, by post_processor and tokenizer_config.json."""
    bos, eos = (("<|begin_of_text|>", backend.token_to_id("<|begin_of_text|>")), ("<|im_end|>", backend.token_to_id("<|im_end|>")))
    byte_level = processors.ByteLevel(trim_offsets=False)
    front = processors.TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])
    around = processors.TemplateProcessing(single=f"{bos[0]} {bos[0]} $A {eos[0]}", special_tokens=[bos, eos])
    rows = []
    for processor in [None, byte_level, front, around, processors.Sequence([byte_level, front])]:
        for add_bos_token in [False, True]:
            description = json.loads(backend.to_str())
            if processor is not None:
                description["post_processor"] = json.loads(processor.__getstate__())
            config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos[0], "add_bos_token": add_bos_token}
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "tokenizer.json").write_text(json.dumps(description))
                (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
                ids = AutoTokenizer.from_pretrained(folder)("The fox").input_ids
            rows.append({"post_processor": description["post_processor"], "config": config, "ids": ids})
    return rows


def added(content, **attributes):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **attributes}


# What tokenizer_config.json may say of added tokens, beside the tokenizer.json of text_qwen2.
CONFIG_TOKENS = [
    {},
    {"eos_token": "<|im_end|>", "added_tokens_decoder": {"491": added("<|x|>"), "492": added("<|y|>", special=False)}},
    {"added_tokens_decoder": {"1000": added("<|x|>"), "495": added("<|y|>")}},  # ids are given in order, whatever they are called
    {"added_tokens_decoder": {"482": added("<|im_end|>", lstrip=True, special=False, normalized=True)}},  # described otherwise
    {"added_tokens_decoder": {"483": added("<think")}, "additional_special_tokens": None},
    {"added_tokens_decoder": {"491": added("<|x|>", special=False), "310": added("the")}, "pad_token": "<|x|>"},
    {"additional_special_tokens": ["<|y|>", "the", "<|im_end|>", "<think>", "<|x|>"]},
    {"additional_special_tokens": [{"__type": "AddedToken", **added("<|x|>", lstrip=True)}]},
    {"additional_special_tokens": ["<|x|>"], "extra_special_tokens": ["<|y|>"]},
    {"extra_special_tokens": {"y_token": "<|y|>", "a_token": "<|x|>"}, "additional_special_tokens": ["<|w|>"]},
    {"pad_token": "<|x|>", "b_token": "<|w|>", "bos_token": "<|y|>", "a_token": "<|v|>"},
    {"eos_token": {"__type": "AddedToken", **added("<|x|>", rstrip=True)}, "unk_token": None},
]


def make_added():
    text = "a <|x|> <|y|> the <|w|> <think> <|v|><|im_end|> <think b"
    rows = []
    for config in CONFIG_TOKENS:
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **config}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "tokenizer.json").write_text((HERE / "text_qwen2/tokenizer.json").read_text())
            (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
            tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
        rows.append({"config": json.dumps(config), "size": tokenizer.get_vocab_size(), **golden_of(tokenizer, [text])[0]})
    write_json("text_added.json", {"text": text, "rows": rows})


# What tokenizer_config.json and config.json may say of a tokenizer with marked spaces.
CLASS_CONFIGS = [
    ({}, None), ({}, "llama"), ({"legacy": False}, "llama"), ({"legacy": True}, "llama"), ({"add_prefix_space": False}, "llama"),
    ({"add_prefix_space": True, "legacy": True}, None), ({"tokenizer_class": "LlamaTokenizerFast"}, "llama"), ({}, "mistral"),
    ({"legacy": True}, "phi3"), ({"tokenizer_class": "PreTrainedTokenizerFast"}, "llama"), ({"tokenizer_class": None}, "llama"),
]  # fmt: skip


def make_classes():
    """AutoTokenizer's ids: the class LlamaTokenizer marks spaces its own way, in the families that it is trusted in."""
    texts = ["", " ", "a", "the end", " the", "a<|im_end|>the b\nthe <think>c <mask>d", "<|im_end|>the", "<|im_end|> the <|im_end|>"]
    rows = []
    for kind in ["llama2", "mistral", "metaspace", "smollm"]:
        for more, model_type in CLASS_CONFIGS:
            config = {"tokenizer_class": "LlamaTokenizer", "eos_token": "<|im_end|>", **more}
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "tokenizer.json").write_text((HERE / f"text_{kind}/tokenizer.json").read_text())
                (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
                if model_type:
                    (Path(folder) / "config.json").write_text(json.dumps({"model_type": model_type}))
                tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
            ids = golden_of(tokenizer, texts)
            rows.append({"kind": kind, "config": json.dumps(config), "model_type": model_type or "", "ids": ids})
    write_json("text_classes.json", {"texts": texts, "rows": rows})


def fnv1a(ids):
    """64-bit FNV-1a over the ids as 4 little-endian bytes each."""
    value = 0xCBF29CE484222325
    for i in ids:
        for byte in i.to_bytes(4, "little"):
            value = ((value ^ byte) * 0x100000001B3) % 2**64
    return f"{value:016x}"


def make_qwen3(folder, data):
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    files = {}
    for name in ["gsm8k_test", "math500", "omni_math_hard", "olympiadbench"]:
        lines = (Path(data) / f"{name}.jsonl").read_bytes().split(b"\n")[:200]
        ids = [i for line in lines if line for i in encode(tokenizer, json.loads(line)["problem"], False)]
        files[name] = {"rows": sum(1 for line in lines if line), "ids": len(ids), "fnv1a": fnv1a(ids)}
    torture = [i for text in TEXTS + random_texts() for i in encode(tokenizer, text, False)]
    chat = AutoTokenizer.from_pretrained(folder)
    cases = [
        ("Be brief.", "", {}), (None, "", {}), (None, "", {"enable_thinking": False}), ("Be brief.", "First,\n", {}),
        (None, "<think>\n2+2\n</think>\n\nIt", {"enable_thinking": False}),
    ]  # fmt: skip
    prompts = [
        {"system": system, "opening": opening, **kwargs, "ids": render_chat(chat, None, system, "What is 2+2?", opening, kwargs)[1]}
        for system, opening, kwargs in cases
    ]
    torture_digest = {"ids": len(torture), "fnv1a": fnv1a(torture)}
    write_json("text_qwen3.json", {"files": files, "torture": torture_digest, "prompts": prompts})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        make_qwen3(sys.argv[1], sys.argv[2])
    else:
        make_ids()
        make_chat()
        make_added()
        make_classes()
