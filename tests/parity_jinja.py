"""Compares chat templates rendered by us with what transformers' apply_chat_template makes of them, character by character.

    python parity_jinja.py --test-jinja build/test_jinja --templates FOLDER [--show]

FOLDER holds templates, *.jinja. Each renders several conversations, with and without a system message, tools, an answer,
and the arguments that templates know. A template counts as the same where all are (an error of jinja2's answered by an error
of ours is the same), as refused where we refuse a conversation that jinja2 renders, and as different otherwise.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "golden"))
from make_jinja_goldens import DAY, render

USER = {"role": "user", "content": "\n What's 2+2? <b>\u00e9</b> "}
ANSWER = {"role": "assistant", "content": "<think>\nsum\n</think>\n\nIt is 4. "}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "The weather of a \"city\".", "parameters": {
    "type": "object", "properties": {
        "city": {"type": "string", "description": "where", "enum": ["Rome", "K\u00f6ln"]},
        "days": {"type": "integer", "default": 3, "minimum": 1},
        "options": {"type": "object", "properties": {"unit": {"type": ["string", "null"]}}, "required": ["unit"]},
        "list": {"type": "array", "items": {"type": "number"}}},
    "required": ["city"]}, "return": {"type": "string", "description": "text"}}}]  # fmt: skip
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "call12345", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Rome", "days": 2}}}]}  # fmt: skip
RESULT = {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"sun\": true}"}
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def conversations(template):
    for system in ([], [{"role": "system", "content": " Answer in French.\n"}], [{"role": "system", "content": ""}]):
        yield {"messages": system + [USER], "add_generation_prompt": True}
        yield {"messages": system + [USER, ANSWER], "add_generation_prompt": False}
    yield {"messages": [USER, ANSWER, {"role": "user", "content": "Sure?"}], "add_generation_prompt": True}
    yield {"messages": [USER, {"role": "assistant", "content": "4", "reasoning_content": "sum"}, USER], "add_generation_prompt": True}
    yield {"messages": [USER], "tools": TOOLS, "add_generation_prompt": True}
    yield {"messages": [USER, CALL, RESULT], "tools": TOOLS, "add_generation_prompt": True}
    yield {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image"}]}], "add_generation_prompt": True}
    for name in ("enable_thinking", "thinking", "keep_past_thinking", "clear_thinking"):
        if name in template:
            for value in (True, False):
                yield {"messages": [USER, ANSWER, USER], name: value, "add_generation_prompt": True}
    if "reasoning_effort" in template:
        yield {"messages": [USER], "reasoning_effort": "high", "add_generation_prompt": True}
    if "date_string" in template:
        yield {"messages": [USER], "date_string": "01 Feb 2025", "add_generation_prompt": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test-jinja", type=Path, required=True, help="the program test_jinja")
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="every template that is not the same, and why")
    arguments = parser.parse_args()
    rows = []
    for path in sorted(arguments.templates.glob("*.jinja")):
        template = path.read_bytes().decode()
        for conversation in conversations(template):
            variables = {"tools": None, "documents": None, **SPECIAL, **conversation}
            rows.append({"name": path.stem, "template": template, "variables": variables, "day": [DAY.year, DAY.month, DAY.day]})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "request.json").write_text(json.dumps(rows))
        subprocess.run([arguments.test_jinja.resolve(), "--gtest_filter=JinjaParity.RendersWhatIsAsked"], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "POPE_JINJA_PARITY": folder})
        answers = json.loads((Path(folder) / "answer.json").read_text())
    verdicts, reasons, prompts = {}, collections.Counter(), collections.Counter()
    for row, answer in zip(rows, answers, strict=True):
        theirs = render(row["template"], row["variables"])
        ours = answer if isinstance(answer, str) else None
        verdict = "same" if ours == theirs else "refused" if ours is None else "different"
        prompts[verdict + (" (both refuse)" if verdict == "same" and ours is None else "")] += 1
        known = verdicts.setdefault(row["name"], "same")
        verdicts[row["name"]] = max(known, verdict, key=["same", "refused", "different"].index)
        if verdict == "refused":
            reason = re.sub(r"^\[chat template\] line \d+: ", "", answer["error"]).split("\n")[0]
            reasons[reason] += 1
        if verdict != "same" and arguments.show:
            print(verdict, row["name"], row["variables"]["messages"][0]["role"], len(row["variables"]["messages"]))
            print("  ours  ", repr(ours) if ours is not None else answer["error"])
            print("  theirs", repr(theirs))
    print(f"{len(verdicts)} templates:", dict(collections.Counter(verdicts.values())))
    print(f"{len(rows)} conversations:", dict(prompts))
    for reason, count in reasons.most_common():
        print(f"  refused {count}: {reason}")
    sys.exit(1 if "different" in verdicts.values() else 0)


if __name__ == "__main__":
    main()
