#!/usr/bin/env python3
"""Asks a running `pope serve MODEL` by the openai package, and compares greedy tokens with transformers'.

    pip install openai transformers torch --extra-index-url https://download.pytorch.org/whl/cpu
    pope serve MODEL --port 8000 &
    python3 tests/parity_openai.py http://127.0.0.1:8000 MODEL

Exit code 1 where something differs. Without transformers only the server's own answers are compared.
"""
import sys

import openai

PROMPTS = ["The capital of France is", "1, 2, 3, 4,", "def fib(n):\n", "Ein Gedicht über Straßen:"]
TOKENS = 16
failed = []


def check(what, good, detail=""):
    print(("ok    " if good else "WRONG ") + what + (f": {detail}" if detail and not good else ""))
    if not good:
        failed.append(what)


def completions(client, model):
    texts = []
    for prompt in PROMPTS:
        whole = client.completions.create(model=model, prompt=prompt, max_tokens=TOKENS, temperature=0, logprobs=2)
        parts = list(client.completions.create(model=model, prompt=prompt, max_tokens=TOKENS, temperature=0,
                                               stream=True, stream_options={"include_usage": True}))
        streamed = "".join(part.choices[0].text for part in parts if part.choices)
        choice = whole.choices[0]
        check(f"streamed completion of {prompt!r}", streamed == choice.text, f"{streamed!r} != {choice.text!r}")
        check("  usage", parts[-1].usage == whole.usage, f"{parts[-1].usage} != {whole.usage}")
        check("  a logprob for each token", len(choice.logprobs.token_logprobs) == whole.usage.completion_tokens)
        texts.append(choice.text)
    several = client.completions.create(model=model, prompt=PROMPTS, max_tokens=TOKENS, temperature=0)
    check("several prompts at once", [one.text for one in several.choices] == texts)
    seeds = client.completions.create(model=model, prompt=PROMPTS[0], max_tokens=TOKENS, n=2, seed=3)
    second = client.completions.create(model=model, prompt=PROMPTS[0], max_tokens=TOKENS, seed=4)
    check("seed + 1 is the second sample", seeds.choices[1].text == second.choices[0].text)
    stop = client.completions.create(model=model, prompt=PROMPTS[1], max_tokens=TOKENS, temperature=0, stop=["6"])
    check("a stop text", "6" not in stop.choices[0].text and stop.choices[0].finish_reason == "stop", stop)


def chat(client, model):
    messages = [{"role": "user", "content": "What is 2 + 3?"}]
    try:
        whole = client.chat.completions.create(model=model, messages=messages, max_tokens=TOKENS, temperature=0,
                                               logprobs=True, top_logprobs=2)
    except openai.BadRequestError as error:
        check("chat is refused for want of a template", "chat template" in str(error), str(error))
        return None
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=TOKENS, temperature=0, stream=True)
    streamed = "".join(part.choices[0].delta.content or "" for part in stream)
    check("streamed chat", streamed == whole.choices[0].message.content)
    check("  alternatives", all(len(one.top_logprobs) == 2 for one in whole.choices[0].logprobs.content))
    return messages, whole.choices[0].message.content


def errors(client, model):
    for what, kind, call in [
        ("another model", openai.NotFoundError, dict(model="none", prompt="a")),
        ("too hot", openai.BadRequestError, dict(model=model, prompt="a", temperature=-1)),
        ("too long", openai.BadRequestError, dict(model=model, prompt="a", max_tokens=10**8)),
    ]:
        try:
            client.completions.create(**call)
            check(what + " is refused", False)
        except kind as error:
            check(what + " is refused", "message" in str(error.body) or error.body is not None)


def transformers_parity(client, model, path, asked):
    try:
        import torch
        import transformers
    except ImportError:
        print("transformers is not there: not compared")
        return
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    reference = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    ends = reference.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]

    def greedy(ids):
        out = reference.generate(torch.tensor([ids]), max_new_tokens=TOKENS, do_sample=False, pad_token_id=0,
                                 temperature=None, top_p=None, top_k=None, repetition_penalty=1.0)
        return out[0, len(ids):].tolist()

    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        reply = client.completions.create(model=model, prompt=ids, max_tokens=TOKENS, temperature=0, logprobs=0,
                                          extra_body={"return_token_ids": True})
        ours, theirs = reply.choices[0].model_extra["token_ids"], greedy(ids)
        check(f"greedy tokens of {prompt!r}", ours == theirs, f"{ours} != {theirs}")
        with torch.no_grad():
            logits = reference(torch.tensor([ids + theirs])).logits[0].log_softmax(-1)
        gap = max(abs(logits[len(ids) - 1 + i, t].item() - lp)
                  for i, (t, lp) in enumerate(zip(theirs, reply.choices[0].logprobs.token_logprobs)))
        check("  logprobs within 1e-3", gap < 1e-3, gap)
    if asked:
        messages, content = asked
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        theirs = [t for t in greedy(ids) if t not in ends]
        check("greedy chat", tokenizer.decode(theirs, skip_special_tokens=True) == content)


def main():
    url, path = sys.argv[1], sys.argv[2]
    client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
    model = client.models.list().data[0].id
    completions(client, model)
    asked = chat(client, model)
    errors(client, model)
    transformers_parity(client, model, path, asked)
    print(f"{len(failed)} wrong" if failed else "all as it should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
