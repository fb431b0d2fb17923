#!/usr/bin/env python3
"""Two stores of `pope agent` in which the same tasks were run, as a table: scripts/agent_compare.py ON.db OFF.db

Per type the tasks solved in each, the difference paired by task with a 95 % interval (percentile bootstrap over the tasks of
each type), and what it took. Only tasks that have come to an end in both count.
"""
import argparse
import random
import sqlite3

ENDED = "state in ('succeeded', 'dead')"


def read(path):
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = store.execute(f"""select id, type, state = 'succeeded',
        (select verified from attempts where task = tasks.id and end in ('passed', 'failed') order by number limit 1),
        (select sum(calls) from attempts where task = tasks.id), (select sum(tokens) from attempts where task = tasks.id),
        number from tasks where {ENDED}""")
    return {row[0]: dict(zip(("type", "solved", "first", "calls", "tokens", "number"), row[1:])) for row in rows}


def interval(gains_by_type, resamples=10000):
    """Mean gain over all tasks and its interval, in points; resampled are the tasks of each type."""
    draw, groups = random.Random(1), list(gains_by_type.values())
    count = sum(map(len, groups))
    means = sorted(sum(sum(draw.choices(group, k=len(group))) for group in groups) / count for _ in range(resamples))
    mean = sum(map(sum, groups)) / count
    return f"{100 * mean:+.1f} ({100 * means[resamples * 25 // 1000]:+.1f} to {100 * means[resamples * 975 // 1000 - 1]:+.1f})"


def line(name, on, off, tasks, key="solved"):
    gains = {}
    for task in tasks:
        gains.setdefault(on[task]["type"], []).append((on[task][key] or 0) - (off[task][key] or 0))
    percent = [100 * sum(arm[task][key] or 0 for task in tasks) / len(tasks) for arm in (on, off)]
    spent = [f"{sum(arm[task]['calls'] for task in tasks)}, {sum(arm[task]['tokens'] for task in tasks)}" for arm in (on, off)]
    print(f"| {name} | {len(tasks)} | {percent[0]:.1f} % | {percent[1]:.1f} % | {interval(gains)} | {spent[0]} | {spent[1]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("on")
    parser.add_argument("off")
    parser.add_argument("--beside", default="house_code", help="the type without which all is shown again")
    arguments = parser.parse_args()
    on, off = read(arguments.on), read(arguments.off)
    both = sorted(on.keys() & off.keys(), key=lambda task: on[task]["number"])
    if not both:
        parser.error("no task has come to an end in both stores")
    others = [task for task in both if on[task]["type"] != arguments.beside]
    print("| tasks | count | memory on | memory off | difference, points | on: calls, tokens | off: calls, tokens |")
    print("|---|---|---|---|---|---|---|")
    line("all", on, off, both)
    line(f"all but {arguments.beside}", on, off, others)
    line("all, at the first attempt", on, off, both, "first")
    line("the second half", on, off, both[len(both) // 2:])
    for kind in dict.fromkeys(on[task]["type"] for task in both):
        line(kind, on, off, [task for task in both if on[task]["type"] == kind])


if __name__ == "__main__":
    main()
