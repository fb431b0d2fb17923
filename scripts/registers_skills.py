#!/usr/bin/env python3
"""How often unguided samples look ahead and finish, per arm of a `pope reproduce` run on the registers family.

    scripts/registers_skills.py RUN ARM...        (needs the program zstd)

Looks ahead: the first value of a register is legal and its target within one move of it. Finishes: of those registers, the
second value is the target. Both in % of the registers of the samples that the evaluation kept, mean of the seeds. One rule only.
"""
import json
import subprocess
import sys
from pathlib import Path


def moves(value, modulus):
    return {(value + 3) % modulus, 2 * value % modulus, (5 - value) % modulus, (3 * value + 1) % modulus}


def skills(rollouts, problems_set, modulus):
    legal = ahead = hit = 0
    text = subprocess.run(["zstd", "-dc", rollouts], capture_output=True, text=True, check=True).stdout
    for row in map(json.loads, text.splitlines()):
        words, values = row["problem"].split(), row["completion"].split()
        m = len(words) // 2
        if row["set"] != problems_set or row["guided"] or len(values) != 2 * m or not all(v.isdigit() for v in values):
            continue
        for i in range(m):
            first, target = int(values[i]), int(words[m + 1 + i])
            if first not in moves(int(words[i]), modulus):
                continue
            legal += 1
            if target in moves(first, modulus):
                ahead += 1
                hit += int(values[m + i]) == target
    return 100 * ahead / max(legal, 1), 100 * hit / max(ahead, 1)


def main():
    run, arms = Path(sys.argv[1]), sys.argv[2:]
    for arm in arms:
        for problems_set in ("hard", "heldout"):
            found = []
            for seed in sorted(run.glob("seed-*")):
                with open(seed / "candidates.jsonl") as file:
                    modulus = json.loads(file.readline())["modulus"]
                found.append(skills(seed / f"eval-{arm}" / "rollouts" / "eval.jsonl.zst", problems_set, modulus))
            ahead, hit = (sum(column) / len(found) for column in zip(*found))
            print(f"{arm:18} {problems_set:8} looks ahead {ahead:5.1f}  finishes {hit:5.1f}   per seed "
                  + " ".join(f"{a:.0f}/{h:.0f}" for a, h in found))


main()
