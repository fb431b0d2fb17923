#!/usr/bin/env python3
"""Cross-examines the verifier: from every reference answer of the problem files, rewrites that say the same and changes
that say something else, by rule; `pope verify` must tell them apart.

  scripts/cross_examine.py DATA_FOLDER [--pope build/pope] [--seed 1] [--keep pairs.jsonl] [--across 400000]

DATA_FOLDER holds problem files (.jsonl with "id" and "answer"). Prints a table of rules with false accepts and false
rejects, and every pair that came out wrong. Exit code 1 on a false accept.

--across N instead sets N pairs of different reference answers against each other, half of them alike but for their
digits, names or signs, and prints every pair that was found equal, to be read: nothing says which of them are.
"""
import argparse
import collections
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile


def bare(answer):
    """The answer without math delimiters around it."""
    text = answer.strip()
    for opening, closing in (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if text.startswith(opening) and text.endswith(closing) and len(text) > 2:
            inner = text[len(opening):-len(closing)]
            if "$" not in inner:
                text = inner.strip()
    return text


def is_integer(text):
    return re.fullmatch(r"-?(\d+|\d{1,3}(,\d{3})+)", text) is not None


def without_commands(text):
    return re.sub(r"\\[a-zA-Z]+", " ", text)


def is_expression(text):
    """One value, made of numbers, letters, arithmetic and a few functions: safe to put into a larger formula."""
    without = re.sub(r"\\(frac|dfrac|tfrac|sqrt|cdot|times|pi|left|right|binom)(?![a-zA-Z])", " ", text)
    plain = re.fullmatch(r"[0-9a-zA-Z+\-*/^{}()\[\]. !]*", without) is not None
    balanced = all(text.count(a) == text.count(b) for a, b in ("{}", "()", "[]"))
    words = re.search(r"[a-zA-Z]{3,}", without)
    return plain and balanced and not words and "\\\\" not in text and text != ""


def is_zero(text):
    return re.fullmatch(r"[-+]?0*(\.0*)?", text) is not None


def rewrites(text, rng):
    """(rule, rewritten) pairs that are equal to `text`."""
    yield "dollars", f"${text}$"
    yield "displaystyle", f"\\displaystyle {text}"
    yield "box", f"\\boxed{{{text}}}" if text.count("{") == text.count("}") else f" {text} "
    yield "full stop", f"{text}."
    if "\\frac" in text:
        yield "dfrac", text.replace("\\frac", rng.choice(["\\dfrac", "\\tfrac", "\\cfrac"]))
    simple = re.sub(r"\^\{(\w)\}", r"^\1", text)
    if simple != text:
        yield "bare exponent", simple
    if is_integer(text):
        whole = int(text.replace(",", ""))
        yield "thousands", f"{whole:,}"
        yield "braced thousands", f"{whole:,}".replace(",", "{,}")
        yield "decimal", f"{whole}.00"
        yield "fraction", f"\\frac{{{whole * 7}}}{{7}}"
        yield "unit", f"{whole}\\text{{ cm}}"
        yield "name", f"x = {whole}"
        yield "root", f"\\sqrt{{{whole * whole}}}" if whole >= 0 else f"-\\sqrt{{{whole * whole}}}"
        yield "whole part", f"\\lfloor {whole} + \\frac{{2}}{{3}} \\rfloor"
    if is_expression(text):
        yield "brackets", f"\\left({text}\\right)"
        yield "plus zero", f"0 + {text}" if not text.startswith("-") else f"{text} + 0"
        yield "doubled and halved", f"\\frac{{2({text})}}{{2}}"
        yield "minus minus", f"-(-({text}))"
        if "i" not in without_commands(text) and "[" not in text:
            yield "larger of two", f"\\max({text}, {text} - 1)"
        if not is_zero(text):
            yield "reciprocal", f"\\frac{{1}}{{\\frac{{1}}{{{text}}}}}"
            if "i" not in without_commands(text):
                yield "root of cube", f"\\sqrt[3]{{({text})^3}}"
        yield "split", f"\\frac{{1}}{{3}}({text}) + ({text})\\cdot\\frac{{2}}{{3}}"
    root = re.sub(r"\\sqrt\{(\d+)\}", r"{\1}^{1/2}", text)
    if root != text:
        yield "power for root", root
    fraction = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)", text)
    if fraction != text and not re.search(r"\d\s*\\frac", text):
        yield "slash", fraction


def changes(text, rng):
    """(rule, changed) pairs that are not equal to `text`."""
    interval = re.fullmatch(r"(\\left)?[(\[]([^,()\[\]]+),([^,()\[\]]+)(\\right)?[)\]]", text)
    if interval:
        yield "bracket turned", text[:-1] + {")": "]", "]": ")"}[text[-1]]
    order = re.search(r"\\(leq|le|geq|ge|leqslant|geqslant)(?![a-zA-Z])|[<>]", text)
    if order:
        yield "order turned", text[:order.start()] + rng.choice(["\\ne ", "="]) + text[order.end():]
    joined = re.search(r" (or|and) |\\text\{ *(or|and) *\}", text)
    if joined and order:
        other = joined.group().replace("or", "#").replace("and", "or").replace("#", "and")
        yield "and for or", text[:joined.start()] + other + text[joined.end():]
    digits = [m for m in re.finditer(r"\d", text)]
    if digits and "(-1)^" not in text:  # (-1)^{n+1} = (-1)^{n+5}
        place = rng.choice(digits).start()
        digit = rng.choice([d for d in "123456789" if d != text[place]])
        yield "digit", text[:place] + digit + text[place + 1:]
    if is_integer(text):
        whole = int(text.replace(",", ""))
        yield "next", str(whole + 1)
        yield "appended digit", str(whole) + rng.choice("0123456789") if whole else "10"
        if whole:
            yield "sign", str(-whole)
            yield "tenth", f"{whole / 10:.1f}"
        yield "almost", f"{whole}.0001"
        yield "or more", f"{whole}\\text{{ or more}}"
        if whole not in (0, 1, -1):
            yield "squared", f"{whole}\\text{{ squared}}"
        yield "two values", f"{whole}, {whole + 1}"
        swapped = list(str(abs(whole)))
        if len(swapped) > 1 and swapped[-1] != swapped[-2]:
            swapped[-1], swapped[-2] = swapped[-2], swapped[-1]
            yield "swapped digits", ("-" if whole < 0 else "") + "".join(swapped)
    if is_expression(text):
        yield "plus one", f"{text} + 1"
        yield "slightly more", f"({text}) + 10^{{-50}}"
        if not is_zero(text):
            yield "minus", f"-({text})"
            yield "twice", f"2({text})"
        yield "also 1/7", f"{text}, \\frac{{1}}{{7}}"
        yield "tuple", f"({text}, 2)"
        names = set(re.findall(r"(?<![a-zA-Z\\])[a-df-hj-z](?![a-zA-Z])", without_commands(text)))
        if names and "z" not in names and "\\" not in re.sub(r"\\(frac|sqrt|binom|cdot)", "", text):
            name = rng.choice(sorted(names))
            yield "other name", re.sub(rf"(?<![a-zA-Z\\]){name}(?![a-zA-Z])", "z", text)
            yield "at least a lot", f"\\max({text}, 10^{{40}})"
            yield "at most a little", f"\\min({text}, -10^{{40}})"


def answers(folder):
    """(id, reference answer) of all problem files."""
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        if os.path.basename(path) == "verifier_cases.jsonl":
            continue
        with open(path, encoding="utf-8") as file:
            for line in file.read().split("\n"):
                if line:
                    row = json.loads(line)
                    yield row["id"], row["answer"]


def pairs(folder, rng):
    for name, answer in answers(folder):
        text = bare(answer)
        for equal, generate in ((True, rewrites), (False, changes)):
            for rule, pred in generate(text, rng):
                yield {"id": f"{name}/{rule}", "gold": answer, "pred": pred, "form": "answer", "equal": equal,
                       "rule": rule}


def shape(text):
    """What answers that are alike have in common: commands and brackets, whatever the digits, names and signs."""
    text = re.sub(r"\\(text|mathrm|mbox)\s*\{[^{}]*\}", "t", without_spaces(text))
    text = re.sub(r"(?<![\\a-zA-Z])[a-zA-Z]", "x", text)
    return re.sub(r"[+\-<>=,]+", "-", re.sub(r"[0-9.]+", "0", text))


def without_spaces(text):
    return re.sub(r"\s|\$|\\left|\\right|\\,|\\ ", "", text)


def across(folder, count, rng):
    """Pairs of reference answers that are written differently, each pair once; plain integers are left out."""
    texts = sorted({bare(answer) for _, answer in answers(folder)} - {""})
    texts = [text for text in texts if not is_integer(text)]
    groups = collections.defaultdict(list)
    for text in texts:
        groups[shape(text)].append(text)
    alike = {(a, b) for group in groups.values() for i, a in enumerate(group) for b in group[i + 1:]}
    alike = sorted(alike)
    rng.shuffle(alike)
    chosen = set(alike[:count // 2])
    while len(chosen) < min(count, len(texts) * (len(texts) - 1) // 2):
        a, b = rng.sample(texts, 2)
        chosen.add((min(a, b), max(a, b)))
    for gold, pred in sorted(chosen):
        if without_spaces(gold) != without_spaces(pred):
            yield {"gold": gold, "pred": pred, "form": "answer", "equal": False}


def show_across(result, rows):
    accepted = [(rows[row["line"] - 1], row["reason"]) for row in result["disagreements"]]
    for source, reason in accepted:
        print(f"{source['gold']!r}  =  {source['pred']!r}   {reason}")
    print(f"\n{len(rows)} pairs of different reference answers, {len(accepted)} found equal, "
          f"{result['undecided']} undecided; {result['rows_per_second']:.0f} pairs/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--pope", default="build/pope")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="also write the pairs here")
    parser.add_argument("--across", type=int, metavar="N", help="pairs of different reference answers")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    rows = list(across(arguments.data, arguments.across, rng) if arguments.across else pairs(arguments.data, rng))
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or os.path.join(folder, "pairs.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        result = json.loads(subprocess.run([arguments.pope, "verify", path, "--json"], check=True,
                                           capture_output=True, text=True).stdout)
    if arguments.across:
        show_across(result, rows)
        return 0
    totals = collections.Counter((row["equal"], row["rule"]) for row in rows)
    wrong = collections.Counter()
    for row in result["disagreements"]:
        source = rows[row["line"] - 1]
        wrong[source["equal"], source["rule"]] += 1
        print(f"{'REJECTED' if source['equal'] else 'ACCEPTED'} {source['id']}\n  gold {source['gold']!r}\n"
              f"  pred {source['pred']!r}\n  {row['reason']}")
    print(f"\n{'rule':22}{'pairs':>9}{'wrong':>7}")
    for (equal, rule), count in sorted(totals.items(), reverse=True):
        print(f"{('= ' if equal else '≠ ') + rule:22}{count:9}{wrong[equal, rule]:7}")
    accepts = sum(n for (equal, _), n in wrong.items() if not equal)
    rejects = sum(n for (equal, _), n in wrong.items() if equal)
    print(f"\n{len(rows)} pairs, {accepts} false accepts, {rejects} false rejects, {result['undecided']} undecided; "
          f"{result['rows_per_second']:.0f} pairs/s")
    return 1 if accepts else 0


if __name__ == "__main__":
    sys.exit(main())
