#!/usr/bin/env python3
"""One replicate of the study in docs/study.md, from nothing to its numbers:

  scripts/study.py SEED --problems gsm8k_train.jsonl [--elsewhere NAME=FILE,COUNT …] [--model qwen] [--arms pope,grpo,…]

Base model by a short SFT (runs/study/base, shared by the seeds), mining, prefix search, every arm, its evaluation: pope's
verbs, one after the other, in runs/study/seed-SEED. The numbers so far are in docs/study/seed-SEED.json after every
evaluation. Stopped or killed and started again, it goes on; other arms may be added then. SEED 0 is the pilot: its
problems are in no other seed.
"""
import argparse
import collections
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys

# Short problems with solutions of a few lines, so that a replicate fits into two hours of one thread: characters; lines of a
# candidate, and of a problem that only the base learns from.
PROBLEM, SOLUTION, LINES, LINES_SFT = 240, 220, 3, 2
SIZES = {"sft": 128, "candidates": 44, "trained": 10, "heldout": 6}
MOST_SEED = 15
SAMPLES, SAMPLES_ELSEWHERE = 32, 4  # of an evaluation, per problem
BASE = "../base"  # the run of the base model, beside the replicates


def read_jsonl(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_jsonl(path, rows):
    with open(path + ".part", "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    os.replace(path + ".part", path)


def write_json(path, value):
    with open(path + ".part", "w", encoding="utf-8") as out:
        json.dump(value, out, indent=1, ensure_ascii=False)
        out.write("\n")
    os.replace(path + ".part", path)


def own_form(row, name):
    """A row of GSM8K as published, or of our own form, in our own form; calculator marks are gone."""
    if "question" in row:
        solution, answer = row["answer"].split("####")
        row = {"id": name, "problem": row["question"], "solution": solution, "answer": answer}
    solution = re.sub(r"<<[^<>]*>>", "", row["solution"]).strip()
    return {"id": row["id"], "problem": row["problem"].strip(), "answer": row["answer"].strip(), "solution": solution}


def split(rows, seed):
    """The rows for the base's SFT, the same for all seeds, and the candidates of a seed. No row is a candidate of two
    seeds (seed 0 is the pilot), and what the base has seen is a candidate of none."""
    rows = [row for row in rows if len(row["problem"]) <= PROBLEM and len(row["solution"]) <= SOLUTION]
    random.Random("study").shuffle(rows)
    lines = [row["solution"].count("\n") + 1 for row in rows]
    candidates = [row for row, n in zip(rows, lines) if n >= LINES][:(MOST_SEED + 1) * SIZES["candidates"]]
    taken = {row["id"] for row in candidates}
    pool = [row for row, n in zip(rows, lines) if n >= LINES_SFT and row["id"] not in taken]
    first = seed * SIZES["candidates"]
    return pool[:SIZES["sft"]], candidates[first:first + SIZES["candidates"]]


def with_prefixes(rows):
    """Every other row with a random prefix of its lines as guidance."""
    draw = random.Random("prefixes")
    result = []
    for i, row in enumerate(rows):
        lines = row["solution"].split("\n")
        if i % 2:
            text = "\n".join(lines[:draw.randint(1, len(lines) - 1)])
            row = {**row, "guidance": {"kind": "oracle_prefix", "text": text,
                                       "fraction": len(text.encode()) / len(row["solution"].encode())}}
        result.append(row)
    return result


def chosen(guided):
    """Of the hard problems with their guidance those to train on, the ones that a prefix opens best, and of the others
    the first as held-out ones."""
    opened = [row for row in guided if not row["guidance"].get("fallback") and row["guidance"]["correct"] > 0]
    trained = sorted(opened, key=lambda row: -row["guidance"]["correct"])[:SIZES["trained"]]
    ids = {row["id"] for row in trained}
    return trained, [row for row in guided if row["id"] not in ids][:SIZES["heldout"]]


class Replicate:
    configs = "configs/study"
    arms = ["pope", "grpo", "opening", "sft", "distil", "guided"]  # in the order of importance

    def __init__(self, args):
        self.args = args
        self.out = os.path.join(args.out, f"seed-{args.seed}")
        self.base = os.path.join(args.out, "base", "model")
        os.makedirs(self.out, exist_ok=True)

    def path(self, *names):
        return os.path.join(self.out, *names)

    def pope(self, verb, run, configs, seed=None, **settings):
        """Runs a verb into the folder `run`, seeded with the replicate's seed if no other is given; the CPU seconds of
        each start are kept in cpu.jsonl."""
        if os.path.exists(self.path(run, "result.json")):
            return
        seed = self.args.seed if seed is None else seed
        command = [self.args.pope, verb, "--out", self.path(run), "--seed", str(seed)]
        for name in ["study", *configs]:
            command += ["-c", os.path.join(self.configs, name + ".yaml")]
        for key, value in settings.items():
            command += ["--set", f"{key.replace('__', '.')}={value}"]
        print("\n$", " ".join(command), file=sys.stderr, flush=True)
        process = subprocess.Popen(command)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            os.wait4(process.pid, 0)
            raise
        with open(self.path("cpu.jsonl"), "a", encoding="utf-8") as out:
            out.write(json.dumps({"run": run, "seconds": round(used.ru_utime + used.ru_stime, 1)}) + "\n")
        if status:
            sys.exit(f"study: pope {verb} ended with {os.waitstatus_to_exitcode(status)}")

    def train_base(self):
        """The base model by the SFT on ../sft.jsonl, which the replicates share."""
        model = subprocess.run(["scripts/fetch_model.sh", self.args.model], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.strip()
        self.pope("sft", BASE, ["base"], seed=1, paths__model=model, paths__problems=self.path("../sft.jsonl"))
        shutil.rmtree(self.path(BASE, "checkpoints"), ignore_errors=True)

    def write_sets(self, trained, heldout):
        write_jsonl(self.path("trained.jsonl"), trained)
        write_jsonl(self.path("heldout.jsonl"), heldout)
        # SFT shows the guidance that a problem carries: its arm learns the solutions from the problems alone.
        write_jsonl(self.path("solutions.jsonl"), [{**row, "guidance": None} for row in trained])

    def prepare(self):
        """Problem files, base model, hard problems, guidance, and the two sets: trained and held out."""
        rows = [own_form(row, f"gsm8k-train-{i}") for i, row in enumerate(read_jsonl(self.args.problems))]
        sft, candidates = split(rows, self.args.seed)
        write_jsonl(self.path("../sft.jsonl"), with_prefixes(sft))
        write_jsonl(self.path("candidates.jsonl"), candidates)
        for name, file, count in self.args.elsewhere:
            write_jsonl(self.path(f"{name}.jsonl"), read_jsonl(file)[:count])
        self.train_base()
        self.pope("mine", "mine", [], paths__model=self.base, paths__problems=self.path("candidates.jsonl"))
        self.pope("guide", "guide", [], paths__model=self.base, paths__problems=self.path("mine", "hard.jsonl"))
        self.write_sets(*chosen(read_jsonl(self.path("guide", "guided.jsonl"))))

    def train(self, arm):
        verb = "sft" if arm == "sft" else "train"
        problems = self.path("solutions.jsonl" if arm == "sft" else "trained.jsonl")
        self.pope(verb, arm, [arm], paths__model=self.base, paths__problems=problems)
        shutil.rmtree(self.path(arm, "checkpoints"), ignore_errors=True)

    def evaluate(self, arm, run, names, samples):
        """Without guidance on the sets of these names, those that have problems, into the folder RUN-ARM."""
        model = self.base if arm == "base" else self.path(arm, "model")
        files = {name: self.path(f"{name}.jsonl") for name in names}
        sets = [f"{name}={file}" for name, file in files.items() if os.path.getsize(file)]
        if sets:
            self.pope("eval", f"{run}-{arm}", [], paths__model=model, paths__eval_sets=f"[{', '.join(sets)}]",
                      eval__samples=samples)
        self.save()

    def numbers(self):
        """What docs/study/seed-N.json holds: every count that the tables are made from."""
        def result(run):
            path = self.path(run, "result.json")
            return json.load(open(path, encoding="utf-8")) if os.path.exists(path) else None

        evaluations, training, cost = {}, {}, collections.defaultdict(float)
        for row in read_jsonl(self.path("cpu.jsonl")):
            cost[row["run"]] += row["seconds"]
        for arm in ["base", *self.arms]:
            for run in (f"eval-{arm}", f"elsewhere-{arm}"):
                for one in (result(run) or {"sets": []})["sets"]:
                    evaluations.setdefault(arm, {})[one["set"]] = {
                        "samples": one["samples"], "correct": dict(zip(one["ids"], one["correct"])),
                        "truncated": round(one["truncated"], 4), "mean_tokens": round(one["mean_tokens"], 1)}
                    if "overlap" in one:
                        evaluations[arm][one["set"]]["overlap"] = {
                            key: round(one["overlap"]["steps"][key], 3) for key in ("value", "chance")}
            metrics = self.path(arm, "metrics.jsonl")
            if arm not in ("base", "sft") and os.path.exists(metrics):
                keys = ("reward/unguided", "reward/guided", "groups/no_signal", "length/unguided", "grad_norm")
                training[arm] = {"curve": {key: [round(row[key], 4) for row in read_jsonl(metrics) if key in row]
                                           for key in keys}}
                training[arm]["rollouts"] = read_jsonl(metrics)[-1]["rollouts/total"]
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                    if line.startswith("model name")), "unknown")
        flags = open("/proc/cpuinfo", encoding="utf-8").read()
        commit = subprocess.run(["git", "describe", "--always"], stdout=subprocess.PIPE, text=True, check=False)
        mined = read_jsonl(self.path("mine", "mined.jsonl"))
        return {"seed": self.args.seed, "model": self.args.model, "commit": commit.stdout.strip(),
                "cpu": cpu + (", AMX" if "amx_bf16" in flags else ""),
                "mined": {row["id"]: [row["mining"]["samples"], row["mining"]["correct"]] for row in mined},
                "guidance": {row["id"]: [round(row["guidance"]["fraction"], 3), row["guidance"].get("samples", 0),
                                         row["guidance"].get("correct", 0)]
                             for row in read_jsonl(self.path("guide", "guided.jsonl"))},
                "trained": [row["id"] for row in read_jsonl(self.path("trained.jsonl"))],
                "heldout": [row["id"] for row in read_jsonl(self.path("heldout.jsonl"))],
                "evaluations": evaluations, "training": training, "rollouts": self.solved(evaluations),
                "cpu_seconds": {os.path.basename(run): round(seconds) for run, seconds in cost.items()}}

    def solved(self, evaluations):
        """Per arm one correct rollout of each problem trained on that the base solved in none of its fresh samples."""
        rows = {row["id"]: row for row in read_jsonl(self.path("trained.jsonl"))}
        found = []
        for arm in evaluations:
            if arm == "base" or "trained" not in evaluations[arm]:
                continue
            new = {key for key, correct in evaluations[arm]["trained"]["correct"].items()
                   if correct and not evaluations["base"]["trained"]["correct"][key]}
            for path in sorted(glob.glob(self.path(f"eval-{arm}", "rollouts", "*.zst"))):
                text = subprocess.run(["zstdcat", path], check=True, stdout=subprocess.PIPE).stdout.decode()
                for record in map(json.loads, filter(None, text.split("\n"))):
                    key = record["problem_id"]
                    if record["set"] == "trained" and record["correct"] and key in new:
                        new.remove(key)
                        found.append({"arm": arm, "id": key, "problem": rows[key]["problem"],
                                      "solution": rows[key]["solution"], "guidance": rows[key]["guidance"]["text"],
                                      "completion": record["completion"]})
        return found

    def save(self):
        os.makedirs(self.args.numbers, exist_ok=True)
        write_json(os.path.join(self.args.numbers, f"seed-{self.args.seed}.json"), self.numbers())

    def run(self):
        self.prepare()
        arms = self.args.arms.split(",") if self.args.arms else self.arms
        for arm in ["base", *arms]:
            if arm != "base":
                self.train(arm)
            self.evaluate(arm, "eval", ("trained", "heldout"), SAMPLES)
        for arm in ["base", *arms]:
            self.evaluate(arm, "elsewhere", [name for name, _, _ in self.args.elsewhere], SAMPLES_ELSEWHERE)


def elsewhere(text):
    name, rest = text.split("=", 1)
    file, count = rest.rsplit(",", 1)
    return name, file, int(count)


def parser(doc, name, model):
    """What the scripts of all studies take; NAME is the study's folder under runs and docs."""
    result = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("seed", type=int)
    result.add_argument("--elsewhere", action="append", default=[], type=elsewhere, metavar="NAME=FILE,COUNT",
                        help="also evaluated on the first COUNT problems of this file")
    result.add_argument("--model", default=model, help="qwen, smollm2 or a path (scripts/fetch_model.sh)")
    result.add_argument("--arms", help="in this order; all by default")
    result.add_argument("--out", default=f"runs/{name}")
    result.add_argument("--numbers", default=f"docs/{name}", help="folder of the numbers")
    result.add_argument("--pope", default=os.environ.get("POPE", "build/pope"))
    return result


def main():
    command = parser(__doc__, "study", "qwen")
    command.add_argument("--problems", required=True, help="GSM8K's train.jsonl, or a problem file with solutions")
    Replicate(command.parse_args()).run()


if __name__ == "__main__":
    main()
