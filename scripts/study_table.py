#!/usr/bin/env python3
"""The tables of docs/study.md, or of docs/bridge.md, from the numbers of its replicates:

  scripts/study_table.py docs/study/seed-*.json [--into docs/study.md]

Unbiased pass@k per arm, and differences between arms that are paired by problem, with 95 % intervals. With --into they
replace what stands between the two marks `<!-- table -->` and `<!-- end -->` of that page.
"""
import argparse
import json
import math
import random

BASE, GRPO, POPE = "base", "grpo", "pope"
LABELS = {BASE: "base model", GRPO: "GRPO", POPE: "POPE, prefix in the prompt", "opening": "POPE, prefix opens the answer",
          "sft": "SFT on the solutions", "distil": "POPE + context distillation", "guided": "guided prompts alone"}
SETS = {"trained": "hard, trained on", "heldout": "hard, held out"}
RESAMPLES, LEVEL = 10000, 0.95
# What the page registered: the primary measure, and the gain below which POPE is refuted.
PRIMARY, SMALL, SEEDS = ("trained", 8), 0.05, 3


def pass_at_k(n, correct, k):
    """Unbiased: 1 - C(n - c, k) / C(n, k) (Eq. 4, arXiv 2601.18779)."""
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def values(seed, arm, name, k):
    """{problem id: pass@k} of one replicate, or None where the arm was not evaluated on the set."""
    found = seed["evaluations"].get(arm, {}).get(name)
    if found is None:
        return None
    return {key: pass_at_k(found["samples"], correct, k) for key, correct in found["correct"].items()}


def mean(numbers):
    return sum(numbers) / len(numbers)


def interval(groups, draw):
    """Percentile bootstrap of the mean over groups of their means. Resampled are the numbers of a group and, from
    three groups on, the groups: of fewer nothing can be said of what another group would give."""
    means = []
    for _ in range(RESAMPLES):
        chosen = draw.choices(groups, k=len(groups)) if len(groups) >= 3 else groups
        means.append(mean([mean(draw.choices(group, k=len(group))) for group in chosen]))
    means.sort()
    tail = (1 - LEVEL) / 2
    return means[int(tail * RESAMPLES)], means[min(RESAMPLES - 1, int((1 - tail) * RESAMPLES))]


def difference(seeds, arm, other, name, k):
    """Per replicate that has both arms: the problems' differences."""
    groups = []
    for seed in seeds:
        left, right = values(seed, arm, name, k), values(seed, other, name, k)
        if left and right:
            groups.append([left[key] - right[key] for key in sorted(left)])
    return groups


def verdict(seeds):
    """What the registered rule says of POPE against GRPO."""
    groups = difference(seeds, POPE, GRPO, *PRIMARY)
    if len(groups) < SEEDS:
        return f"open: {len(groups)} of at least {SEEDS} seeds"
    low, high = interval(groups, random.Random(1))
    if low > 0:
        return "held: the whole interval is above 0"
    return f"refuted: the whole interval is below {SMALL:.2f}" if high < SMALL else "undecided"


def percent(value):
    return f"{100 * value:.0f} %"


def signed(value):
    return f"{100 * value:+.0f}"


def arms_of(seeds, name):
    return [arm for arm in LABELS if any(name in seed["evaluations"].get(arm, {}) for seed in seeds)]


def overlap(seeds, arm, name):
    found = [seed["evaluations"][arm][name].get("overlap") for seed in seeds
             if name in seed["evaluations"].get(arm, {})]
    if not all(found):
        return "–"
    return f"{percent(mean([one['value'] for one in found]))} ({percent(mean([one['chance'] for one in found]))})"


def set_table(seeds, name):
    problems = sum(len(values(seed, BASE, name, 1) or {}) for seed in seeds)
    columns = ["arm", "seeds", "pass@1", "pass@8", "pass@32", "pass@8 per seed", "minus GRPO, pass@8, points",
               "minus GRPO, pass@32"]
    reuse = any("overlap" in seed["evaluations"].get(arm, {}).get(name, {}) for seed in seeds for arm in LABELS)
    if reuse:
        columns.append("lines of the prefix re-used (by chance)")
    lines = [f"**{SETS[name][0].upper()}{SETS[name][1:]}** ({problems} problems), without guidance, by fresh samples:", "",
             f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for arm in arms_of(seeds, name):
        cells = []
        for k in (1, 8, 32):
            per_seed = [mean(list(found.values())) for seed in seeds if (found := values(seed, arm, name, k))]
            cells.append(percent(mean(per_seed)) if k > 1 else f"{100 * mean(per_seed):.1f} %")
            if k == 8:
                each = ", ".join(f"{100 * value:.0f}" for value in per_seed)
        gains = []
        for k in (8, 32):
            groups = difference(seeds, arm, GRPO, name, k) if arm != GRPO else []
            if groups:
                low, high = interval(groups, random.Random(1))
                gains.append(f"{signed(mean([mean(group) for group in groups]))} ({signed(low)} to {signed(high)})")
            else:
                gains.append("–")
        row = [LABELS[arm], str(len(per_seed)), *cells, each, *gains, *([overlap(seeds, arm, name)] if reuse else [])]
        lines.append(f"| {' | '.join(row)} |")
    return lines + [""]


def elsewhere_table(seeds):
    names = sorted({name for seed in seeds for name in seed["evaluations"].get(BASE, {}) if name not in SETS})
    if not names:
        return []
    lines = ["**Elsewhere**, pass@1, and the difference to the base model in points:", "",
             "| arm | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for arm in LABELS:
        if not any(arms_of(seeds, name).count(arm) for name in names):
            continue
        cells = []
        for name in names:
            value = mean([mean(list(found.values())) for seed in seeds if (found := values(seed, arm, name, 1))])
            groups = difference(seeds, arm, BASE, name, 1)
            low, high = interval(groups, random.Random(1))
            gain = f" ({signed(low)} to {signed(high)})" if arm != BASE else ""
            cells.append(f"{100 * value:.1f} %{gain}")
        lines.append(f"| {LABELS[arm]} | {' | '.join(cells)} |")
    return lines + [""]


def cost_table(seeds):
    arms = [arm for arm in LABELS if any(arm in seed["cpu_seconds"] for seed in seeds)]
    lines = ["**CPU minutes** of one thread, mean over seeds:", "", "| step | minutes |", "|---|---|"]
    runs = ["mine", "guide", *[part + arm for arm in arms for part in ("", "eval-", "elsewhere-")]]
    for run in runs:
        spent = [seed["cpu_seconds"][run] / 60 for seed in seeds if run in seed["cpu_seconds"]]
        if spent:
            lines.append(f"| {run} | {mean(spent):.0f} |")
    return lines + [""]


def tables(seeds):
    lines = [f"Registered rule, POPE against GRPO, pass@{PRIMARY[1]} on the {SETS[PRIMARY[0]]} set: "
             f"**{verdict(seeds)}**.", ""]
    for name in SETS:
        if arms_of(seeds, name):
            lines += set_table(seeds, name)
    return "\n".join(lines + elsewhere_table(seeds) + cost_table(seeds)).rstrip() + "\n"


def put_into(path, text):
    with open(path, encoding="utf-8") as page:
        before, rest = page.read().split("<!-- table -->\n", 1)
    _, after = rest.split("<!-- end -->", 1)
    with open(path, "w", encoding="utf-8") as page:
        page.write(f"{before}<!-- table -->\n{text}<!-- end -->{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="+")
    parser.add_argument("--into", metavar="PAGE")
    args = parser.parse_args()
    seeds = sorted((json.load(open(path, encoding="utf-8")) for path in args.numbers), key=lambda seed: seed["seed"])
    text = tables(seeds)
    print(text, end="")
    if args.into:
        put_into(args.into, text)


if __name__ == "__main__":
    main()
