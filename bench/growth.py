#!/usr/bin/env python3
"""How cost and memory grow: problems in a file, samples of a problem, prompt length, new tokens, vocabulary.

    bench/growth.py [--build build] [--quick] [--out FILE.json]

Each row is a run of a program on a model with random weights, one thread: seconds per unit of what grows, beside the first
row's (1.0 = linear), and peak memory. Of mining and evaluation they are CPU seconds above those of an empty run; of prompts,
new tokens and vocabulary seconds of the clock, as the sampler's benchmark takes them, so for those the machine must be quiet.
Every run is verified first: what should have been sampled was. Mining and evaluation use the embedded family's micro model of 8 tokens an answer, so that the host's work shows;
sampling alone a model of SmolLM2's width with four layers.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

SETTINGS = """
run: {threads: 1, seed: 7}
source: {walks: 2, modulus: 5, demonstrator: 0.7}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 8, batch_size: 128}
eval: {pass_at: [1], keep_rollouts: 1}
mine: {pass_at: [1]}
"""
MICRO = {"model_type": "llama", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
         "num_key_value_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "tie_word_embeddings": True, "hidden_act": "silu"}
WIDE = {**MICRO, "hidden_size": 576, "num_hidden_layers": 4, "num_attention_heads": 9, "num_key_value_heads": 3,
        "intermediate_size": 1536, "max_position_embeddings": 8192, "vocab_size": 8192, "eos_token_id": 0}


def run(command):
    """→ (stdout, CPU seconds, peak MB)."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        out.seek(0)
        err.seek(0)
        if status:
            sys.exit(f"growth: {' '.join(command)}: {err.read().decode(errors='replace')}")
        return out.read().decode(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class Growth:
    def __init__(self, build, work):
        self.pope, self.sampler = os.path.join(build, "pope"), os.path.join(build, "bench_sampler")
        self.work, self.tables = work, {}
        for name, value in (("settings.yaml", SETTINGS), ("micro.json", json.dumps(MICRO))):
            with open(self.path(name), "w") as file:
                file.write(value)
        self.do("init", self.path("micro.json"), "--out", self.path("micro"))

    def path(self, name):
        return os.path.join(self.work, name)

    def do(self, *words, settings=()):
        words = [self.pope, *words, "--json", "-c", self.path("settings.yaml")]
        for setting in settings:
            words += ["--set", setting]
        text, seconds, memory = run(words)
        return json.loads(text), seconds, memory

    def problems(self, count):
        path = self.path(f"problems-{count}.jsonl")
        if not os.path.exists(path):
            self.do("problems", "--out", path, settings=[f"source.count={count}"])
        return path

    def mine(self, count):
        """Two samples of each of so many problems."""
        result, seconds, memory = self.do("mine", "--model", self.path("micro"), "--problems", self.problems(count), "--out",
                                          self.path(f"mine-{count}"), settings=["mine.samples=2", "mine.chunk=2"])
        assert result["problems"] == count and result["samples"] == 2 * count, result
        return seconds, memory

    def evaluate(self, samples):
        """So many samples of each of 16 problems."""
        result, seconds, memory = self.do("eval", "--model", self.path("micro"), "--eval-set", "a=" + self.problems(16), "--out",
                                          self.path(f"eval-{samples}"), settings=[f"eval.samples={samples}"])
        assert result["sets"][0]["samples"] == samples and result["sets"][0]["problems"] == 16, result
        return seconds, memory

    def sample(self, prompt=64, new=64, vocabulary=8192):
        """Eight rollouts at once, each with a prompt of its own."""
        folder = self.wide(vocabulary)
        text, _, memory = run([self.sampler, folder, "--batch", "8", "--repeats", "1", "--prompt-tokens", str(prompt), "--new-tokens",
                               str(new), "--json"])  # which verifies what it samples
        result = json.loads(text)
        return 8 * new / result["batches"][0]["tokens_per_s"]["median"], memory

    def wide(self, vocabulary):
        folder = self.path(f"wide-{vocabulary}")
        if not os.path.exists(folder):
            with open(self.path("wide.json"), "w") as file:
                json.dump({**WIDE, "vocab_size": vocabulary}, file)
            here = os.path.dirname(os.path.abspath(__file__))
            subprocess.run([sys.executable, os.path.join(here, "../scripts/random_model.py"), "--config", self.path("wide.json"),
                            "--tokenizer", self.path("micro"), "--out", folder], check=True, stdout=subprocess.DEVNULL)
        return folder

    def table(self, what, unit, sizes, measure, base=0.0):
        rows = []
        print(f"\n{what}\n{unit:>12} {'seconds':>9} {'µs each':>9} {'to the first':>13} {'peak MB':>8}")
        for size in sizes:
            seconds, memory = measure(size)
            each = (seconds - base) / size
            rows.append({"size": size, "seconds": round(seconds, 3), "us_each": round(1e6 * each, 2), "peak_mb": round(memory)})
            ratio = rows[-1]["us_each"] / rows[0]["us_each"]
            print(f"{size:12,} {seconds:9.2f} {1e6 * each:9.1f} {ratio:13.2f} {memory:8.0f}", flush=True)
        self.tables[what] = rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--quick", action="store_true", help="a tenth of the largest sizes")
    parser.add_argument("--out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        growth = Growth(args.build, work)
        cut = 1 if not args.quick else 10
        empty = growth.mine(10)[0]
        print(f"An empty run: {empty:.2f} s.")
        growth.table("Mining, 2 samples a problem", "problems", [n for n in (1000, 10000, 100000) if n <= 100000 // cut],
                     growth.mine, empty)
        empty = growth.evaluate(1)[0]
        growth.table("Evaluation of 16 problems", "samples", [n for n in (64, 512, 4096) if n <= 4096 // cut],
                     growth.evaluate, empty)
        growth.table("Prompt length, 8 rollouts", "tokens", [n for n in (64, 256, 1024, 4096) if n <= 4096 // cut],
                     lambda n: growth.sample(prompt=n, new=16))
        growth.table("New tokens, 8 rollouts", "tokens", [n for n in (32, 128, 512, 2048) if n <= 2048 // cut],
                     lambda n: growth.sample(new=n))
        growth.table("Vocabulary, 8 rollouts of 64 tokens", "entries", [n for n in (4096, 16384, 65536, 262144) if n <= 262144 // cut],
                     lambda n: growth.sample(vocabulary=n))
        if args.out:
            with open(args.out, "w") as file:
                json.dump(growth.tables, file, indent=1)


if __name__ == "__main__":
    main()
