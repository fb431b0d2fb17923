#!/usr/bin/env python3
"""pope verify and Math-Verify on the same labelled cases, in one run: agreement, disagreements, speed.

  python3 -m venv /tmp/mv && /tmp/mv/bin/pip install 'math-verify[antlr4_13_2]==0.9.0'
  /tmp/mv/bin/python scripts/compare_math_verify.py verifier_cases.jsonl [--pope build/pope] [--verbose]

Each is given what it was made for: Math-Verify parses the reference answer and the prediction (a boxed answer where the
case is one) with its default settings and its 5 s timeout. Both on one core. Kinds that begin with "disputed:" are
counted apart.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

from math_verify import parse, verify


def math_verify(row):
    """Verdict and seconds."""
    boxed = "\\boxed" in row["pred"] or row["form"] != "answer"
    start = time.perf_counter()
    try:
        gold = parse(row["gold"] if "$" in row["gold"] or "\\boxed" in row["gold"] else f"${row['gold']}$")
        pred = parse(row["pred"] if boxed or "$" in row["pred"] else f"${row['pred']}$")
        verdict = bool(verify(gold, pred))
    except Exception:  # a crash of the verifier gives no reward
        verdict = False
    return verdict, time.perf_counter() - start


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases")
    parser.add_argument("--pope", default="build/pope")
    parser.add_argument("--repeat", type=int, default=200, help="times that pope goes through the cases for its speed")
    parser.add_argument("--verbose", action="store_true", help="print every case that one of the two gets wrong")
    arguments = parser.parse_args()
    with open(arguments.cases, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file.read().split("\n") if line]

    with tempfile.TemporaryDirectory() as folder:
        out, many = os.path.join(folder, "out.jsonl"), os.path.join(folder, "many.jsonl")
        subprocess.run([arguments.pope, "verify", arguments.cases, "--out", out, "--json"], check=True,
                       capture_output=True)
        with open(out, encoding="utf-8") as file:
            ours = [json.loads(line)["correct"] for line in file.read().split("\n") if line]
        with open(many, "w", encoding="utf-8") as file:
            for _ in range(arguments.repeat):
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        speed = json.loads(subprocess.run([arguments.pope, "verify", many, "--set", "run.threads=1", "--json"],
                                          check=True, capture_output=True, text=True).stdout)["rows_per_second"]
    for row in rows[:20]:
        math_verify(row)  # warm up: imports and caches
    theirs, seconds = zip(*(math_verify(row) for row in rows))

    for disputed in (False, True):
        chosen = [i for i, row in enumerate(rows) if row["kind"].startswith("disputed:") == disputed]
        print(f"\n{'disputed' if disputed else 'undisputed'}: {len(chosen)} cases")
        print("                       Math-Verify right   Math-Verify wrong")
        for name, ours_right in (("pope right", True), ("pope wrong", False)):
            counts = [sum((ours[i] == rows[i]["equal"]) == ours_right and (theirs[i] == rows[i]["equal"]) == right
                          for i in chosen) for right in (True, False)]
            print(f"  {name:20}{counts[0]:18}{counts[1]:20}")
        if arguments.verbose and not disputed:
            for i in chosen:
                row = rows[i]
                if ours[i] == row["equal"] == theirs[i]:
                    continue
                print(f"  {row['id']} {row['kind']}: gold {row['gold'][-80:]!r} pred {row['pred'][-80:]!r} label "
                      f"{row['equal']}, pope {ours[i]}, Math-Verify {theirs[i]}")
    rate = len(rows) / sum(seconds)
    print(f"\nMath-Verify: {rate:.0f} rows/s; median {1e3 * statistics.median(seconds):.2f} ms, "
          f"p99.9 {1e3 * quantile(seconds, 0.999):.1f} ms, worst {1e3 * max(seconds):.1f} ms")
    print(f"pope:        {speed:.0f} rows/s on one core, {speed / rate:.0f} times as many")


if __name__ == "__main__":
    main()
