#!/usr/bin/env python3
"""How often unguided samples look ahead and finish, per arm of a `pope reproduce` run on the registers family.

    scripts/registers_skills.py RUN ARM...        (needs the program zstd)

Looks ahead: the first value of a register is legal and its target within one move of it. Finishes: of those registers, the
second value is the target. Both in % of the registers of the samples that the evaluation kept, mean over base models; of
each the first RL seed. One rule only.
"""
import json
import subprocess
import sys
from pathlib import Path

SETS = ("hard", "heldout")  # of `pope reproduce`: every target set


def moves(value, modulus):
    return {(value + 3) % modulus, 2 * value % modulus, (5 - value) % modulus, (3 * value + 1) % modulus}


def skills(rollouts, modulus):
    """(looks ahead, finishes) per set of SETS."""
    counts = {name: [0, 0, 0] for name in SETS}  # legal first values, those that look ahead, those of them that finish
    text = subprocess.run(["zstd", "-dc", rollouts], capture_output=True, text=True, check=True).stdout
    for row in map(json.loads, text.splitlines()):
        words, values = row["problem"].split(), row["completion"].split()
        m = len(words) // 2
        if row["set"] not in SETS or row["guided"] or len(values) != 2 * m or not all(value.isdigit() for value in values):
            continue
        count = counts[row["set"]]
        for start, target, first, second in zip(*(map(int, column) for column in
                                                  (words[:m], words[m + 1:], values[:m], values[m:]))):
            if first in moves(start, modulus):
                ahead = target in moves(first, modulus)
                count[0] += 1
                count[1] += ahead
                count[2] += ahead and second == target
    return {name: (100 * ahead / max(legal, 1), 100 * done / max(ahead, 1)) for name, (legal, ahead, done) in counts.items()}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    bases = []
    for folder in sorted(Path(sys.argv[1]).glob("base-*/")):
        if not (folder / "rl-1").exists():  # rejected at the gate
            continue
        with open(folder / "candidates.jsonl") as file:
            bases.append((folder, json.loads(file.readline())["modulus"]))
    for arm in sys.argv[2:]:
        found = [skills(folder / "rl-1" / f"eval-{arm}" / "rollouts" / "eval.jsonl.zst", modulus) for folder, modulus in bases]
        for name in SETS:
            ahead, done = (sum(column) / len(found) for column in zip(*(of[name] for of in found)))
            print(f"{arm:18} {name:8} looks ahead {ahead:5.1f}  finishes {done:5.1f}   per base "
                  + " ".join("{:.0f}/{:.0f}".format(*of[name]) for of in found))


main()
