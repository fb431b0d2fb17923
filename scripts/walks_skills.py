#!/usr/bin/env python3
"""What the samples of evaluations do, skill by skill, on the walks family.

    scripts/walks_skills.py MODULUS EVAL_RUN...        (needs the program zstd)

Of attempts ("=target waypoint final"): legal: both moves are; looks ahead: the target is within one move of the waypoint (chance:
above .33); finishes: of those, the final value is the target. Of attempts that missed: retries: another one at the same target
follows; of those that hit: spoils: one follows. Under guidance: copies: the sample begins with the guidance. In % of the samples
that the evaluation kept, which holds more correct ones than chance would.
"""
import json
import subprocess
import sys
from pathlib import Path


def moves(value, modulus):
    return {(value + 3) % modulus, 2 * value % modulus, (5 - value) % modulus}


def attempts_of(words):
    """[(target, [values])], in order."""
    found = []
    for word in words:
        if word.startswith("="):
            found.append((int(word[1:]), []))
        elif found and word.isdigit():
            found[-1][1].append(int(word))
    return found


def skills(rows, modulus):
    counts = {}

    def count(skill, did):
        total = counts.setdefault(skill, [0, 0])
        total[0] += bool(did)
        total[1] += 1

    for row in rows:
        words = row["problem"].split()
        if not words[1].startswith("="):
            continue
        start_of = {int(goal[1:]): int(start) for start, goal in zip(words[::2], words[1::2])}
        text, guidance = row["completion"].split(), row["guidance"].split() if row["guided"] else []
        if guidance:
            count("copies", text[:len(guidance)] == guidance)
        count("correct", row["correct"])
        attempts = attempts_of(text)
        first = (len(guidance) + 2) // 3 if text[:len(guidance)] == guidance else 0  # attempts that are not the model's own
        for i, (target, values) in enumerate(attempts):
            if i < first or target not in start_of or len(values) != 2:
                continue
            legal = values[0] in moves(start_of[target], modulus) and values[1] in moves(values[0], modulus)
            count("legal", legal)
            if not legal:
                continue
            ahead = target in moves(values[0], modulus)
            count("looks ahead", ahead)
            if ahead:
                count("finishes", values[1] == target)
            again = i + 1 < len(attempts) and attempts[i + 1][0] == target
            count("spoils" if values[1] == target else "retries", again)
    return counts


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for run in map(Path, sys.argv[2:]):
        text = subprocess.run(["zstd", "-dc", run / "rollouts" / "eval.jsonl.zst"], capture_output=True, text=True,
                              check=True).stdout
        rows = [json.loads(line) for line in text.splitlines()]
        for key in sorted({(row["set"], row["guided"]) for row in rows}):
            counts = skills([row for row in rows if (row["set"], row["guided"]) == key], int(sys.argv[1]))
            print(f"{run}  {key[0]} {'guided' if key[1] else 'unguided'}: "
                  + ", ".join(f"{skill} {100 * did / of:.0f}" for skill, (did, of) in counts.items()))


main()
