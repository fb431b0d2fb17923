#!/usr/bin/env python3
"""Trains by torchrun, kills a process at random, goes on with another number of processes, again and again.

  scripts/kill_ranks.py --pope build/pope [--torchrun torchrun] [--kills 20] [--seed 1] [--sharded] [--out DIR]

A micro model is taught for the occasion. Each start has 1, 2 or 3 processes, other than the one before; at a random
moment one of them gets SIGKILL. torchrun must then end by itself with an error, no process may stay, and the rows of
metrics.jsonl must be those of the steps, each once. In the end the run is done without a kill, and compared with one
process that was never disturbed: every step and rollout must be there, and the weights the same up to the order of
sums. Exit status 1 where something is wrong. The last line is JSON.
"""
import argparse
import array
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time

from break_it import MODEL, SETTINGS

PATIENCE_S = 120
STEPS = 400
GROUPS, GROUP = 6, 4
TRAIN = ["-c", "tiny.yaml", "--model", "base/model", "--problems", "problems.jsonl", "--set", f"train.steps={STEPS}",
         "--set", f"train.prompts_per_step={GROUPS}", "--set", f"train.rollouts_per_prompt={GROUP}",
         "--set", "train.save_every=5", "--set", "optimizer.lr=1e-4", "--set", "train.eval_every=0", "--set", "train.rollouts_every=0"]


def rows(run):
    file = run / "metrics.jsonl"
    lines = file.read_text().split("\n") if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def children_of(pid):
    """The pope processes below `pid`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found += [int(entry.name)] if os.readlink(entry / "exe").endswith(("/pope", "/pope-torch")) else children_of(int(entry.name))
        except OSError:
            pass  # it has ended meanwhile
    return found


def weights(folder):
    """name → values of model.safetensors, which is f32."""
    data = (folder / "model.safetensors").read_bytes()
    size, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = array.array("f", data[8 + size + begin:8 + size + end])
    return tensors


class Trials:
    def __init__(self, options):
        self.pope, self.torchrun = str(pathlib.Path(options.pope).resolve()), options.torchrun
        self.random, self.kills = random.Random(options.seed), options.kills
        self.folder = options.out or pathlib.Path(tempfile.mkdtemp(prefix="pope-ranks-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.train = TRAIN + (["--set", "optimizer.sharded=true"] if options.sharded else [])
        self.wrong = []
        (self.folder / "tiny.yaml").write_text(SETTINGS)
        (self.folder / "tiny.json").write_text(json.dumps(MODEL))
        self.run = self.folder / "broken"

    def one(self, *arguments):
        subprocess.run([self.pope, *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def check(self, what, good):
        if not good:
            self.wrong.append(what)
            print("WRONG " + what)

    def start(self, processes):
        return subprocess.Popen([self.torchrun, "--standalone", "--nproc-per-node", str(processes), "--no-python", self.pope,
                                 "train", *self.train, "--out", "broken"], cwd=self.folder, stdout=subprocess.DEVNULL,
                                stderr=open(self.folder / "torchrun.txt", "ab"))

    def wait(self, agent):
        try:
            return agent.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.check(f"torchrun still ran {PATIENCE_S} s after the kill", False)
            agent.send_signal(signal.SIGTERM)
            return agent.wait()

    def trial(self, number, processes):
        before = len(rows(self.run))
        agent = self.start(processes)
        more = self.random.randrange(1, 8 * STEPS // (5 * self.kills))  # steps before the kill
        deadline = time.monotonic() + PATIENCE_S
        while len(rows(self.run)) < before + more and agent.poll() is None and time.monotonic() < deadline:
            time.sleep(.02)
        if agent.poll() is not None:
            return False  # it was done before
        time.sleep(.05 * self.random.random())
        ranks = children_of(agent.pid)
        self.check(f"{len(ranks)} of {processes} processes were there", len(ranks) == processes)
        if not ranks:
            return False
        lost = self.random.choice(ranks)
        os.kill(lost, signal.SIGKILL)
        status = self.wait(agent)
        self.check("torchrun ended well where a process was killed", status != 0)
        self.check("a process stayed", not any(pathlib.Path(f"/proc/{rank}").exists() for rank in ranks))
        steps = [row["step"] for row in rows(self.run)]
        self.check(f"rows {steps[-3:]} are not 1 … {len(steps)}", steps == list(range(1, len(steps) + 1)))
        print(f"kill {number}: {processes} processes, after step {steps[-1] if steps else 0}, status {status}", flush=True)
        return True

    def all(self):
        self.one("problems", "-c", "tiny.yaml", "--set", "source.part=pretrain", "--set", "source.count=1500", "--out",
                 "pretrain.jsonl")
        self.one("problems", "-c", "tiny.yaml", "--set", "source.count=20", "--set", "source.walks=1", "--out",
                 "problems.jsonl")
        self.one("init", "-c", "tiny.yaml", "tiny.json", "--out", "init")
        self.one("sft", "-c", "tiny.yaml", "--model", "init", "--problems", "pretrain.jsonl", "--out", "base")
        self.one("train", *self.train, "--out", "whole")
        processes, done = 0, 0
        for number in range(1, self.kills + 1):
            processes = self.random.choice([n for n in (1, 2, 3) if n != processes])
            if not self.trial(number, processes):
                break
            done += 1
        self.check("torchrun failed in the end", self.wait(self.start(2)) == 0)
        return done

    def compare(self):
        broken = rows(self.run)
        steps = [row["step"] for row in broken]
        self.check("the rows are not those of the steps, once each", steps == list(range(1, STEPS + 1)))
        lost = [row["step"] for row in broken if row["rollouts/total"] != row["step"] * GROUPS * GROUP]
        self.check(f"rollouts of steps {lost[:5]} were lost or counted twice", not lost)
        base, a, b = (weights(self.folder / run / "model") for run in ("base", "broken", "whole"))

        def distance(left, right):
            return max(abs(x - y) for name in left for x, y in zip(left[name], right[name]))
        return {"steps": len(steps), "weights_apart": distance(a, b), "weights_moved": distance(base, b)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pope", default="build/pope")
    parser.add_argument("--torchrun", default="torchrun")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sharded", action="store_true", help="with optimizer.sharded=true")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    trials = Trials(options)
    result = {"kills": trials.all(), "seed": options.seed, "sharded": options.sharded}
    result.update(trials.compare())
    print(json.dumps({**result, "wrong": trials.wrong}))
    sys.exit(1 if trials.wrong else 0)


main()
