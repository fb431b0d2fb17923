#!/usr/bin/env python3
"""One replicate of the bridge study in docs/bridge.md, from nothing to its numbers: scripts/bridge.py SEED

A published language model on problems of the embedded family, where floor and ceiling are known. As scripts/study.py: base model
(runs/bridge/base, shared by the seeds), mining, prefix search, arms and evaluations in runs/bridge/seed-SEED, numbers so far in
docs/bridge/seed-SEED.json; started again, it goes on. SEED 0 is the pilot.
"""
import os

from study import Replicate, parser, read_jsonl, write_jsonl

SIZES = {"sft": 2000, "candidates": 52, "trained": 32, "heldout": 16}
SFT_SEED = 999  # of the base's corpus


class Bridge(Replicate):
    configs = "configs/bridge"
    arms = ["pope", "grpo", "sft"]

    def problems(self, path, part, count, seed):
        if not os.path.exists(self.path(path)):
            self.pope("problems", path, [], seed=seed, source__part=part, source__count=count)

    def prepare(self):
        self.problems("../sft.jsonl", "pretrain", SIZES["sft"], SFT_SEED)
        self.problems("candidates.jsonl", "hard", SIZES["candidates"], self.args.seed)
        self.train_base()
        self.pope("mine", "mine", [], paths__model=self.base, paths__problems=self.path("candidates.jsonl"))
        hard = read_jsonl(self.path("mine", "hard.jsonl"))
        heldout, rest = hard[:SIZES["heldout"]], hard[SIZES["heldout"]:][:SIZES["trained"]]
        write_jsonl(self.path("unguided.jsonl"), rest)
        self.pope("guide", "guide", [], paths__model=self.base, paths__problems=self.path("unguided.jsonl"))
        guided = read_jsonl(self.path("guide", "guided.jsonl"))
        self.write_sets([row for row in guided if row["guidance"]["correct"] > 0], heldout)


if __name__ == "__main__":
    Bridge(parser(__doc__, "bridge", "smollm2").parse_args()).run()
