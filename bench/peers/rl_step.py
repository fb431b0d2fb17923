#!/usr/bin/env python3
"""One whole RL step (4 prompts x 8 rollouts, at most 128 new tokens, bf16) by pope and by TRL's GRPOTrainer, in one run.

    bench/peers/rl_step.py --model SmolLM2.gguf --problems gsm8k_train.jsonl [--steps 3] [--out FILE.json]

Needs TRL 1.16, transformers 5.23 and torch on PYTHONPATH; a step is sampling, grading, forward, backward and optimiser.
Checked first: both sampled the number of rollouts asked for, and TRL loads the model directory that pope has written.
Prints seconds per step (median, min, max), the mean completion length of each, and the ratio.
"""
import argparse, json, pathlib, re, statistics, subprocess, tempfile, time

PROMPTS, ROLLOUTS, NEW_TOKENS = 4, 8, 128


def spread(seconds):
    return {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}


def pope_steps(args, folder):
    problems = folder / "problems.jsonl"
    with open(args.problems) as lines, open(problems, "w") as out:
        out.writelines(next(lines) for _ in range(PROMPTS * args.steps))
    settings = {"train.steps": args.steps, "train.prompts_per_step": PROMPTS, "train.rollouts_per_prompt": ROLLOUTS,
                "train.save_every": 1000, "train.rollouts_every": 0, "mixture.guided": 0, "run.dtype": "bf16",
                "sampling.max_new_tokens": NEW_TOKENS, "train.micro_batch_tokens": 4096}
    command = [args.pope, "train", "--model", args.model, "--problems", str(problems), "--out", str(folder / "run"), "--json"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    rows = [json.loads(line) for line in open(folder / "run/metrics.jsonl")]
    assert result["rollouts"] == PROMPTS * ROLLOUTS * args.steps, result["rollouts"]
    stages = ["sample", "verify", "learn", "optimizer"]
    steps = [sum(row[f"time/{stage}_s"] for stage in stages) for row in rows]
    return {"seconds": spread(steps), "mean_tokens": result["tokens"] / result["rollouts"],
            "stages": {stage: statistics.median(row[f"time/{stage}_s"] for row in rows) for stage in stages},
            "groups_without_signal": sum(row["groups/no_signal"] for row in rows)}


def trl_steps(args, folder):
    import torch, transformers, trl
    from datasets import Dataset

    rows = [json.loads(line) for line in open(folder / "problems.jsonl")]
    data = Dataset.from_list([{"prompt": [{"role": "user", "content": row["problem"]}], "answer": row["answer"]}
                              for row in rows])
    lengths, starts = [], []

    def reward(completions, answer, completion_ids, **_):
        lengths.extend(len(ids) for ids in completion_ids)
        last = [(re.findall(r"-?\d[\d,]*\.?\d*", c[0]["content"]) or [""])[-1] for c in completions]
        return [float(a.strip() == b) for a, b in zip(answer, last)]

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            starts.append(time.perf_counter())

        def on_train_end(self, *_, **__):
            starts.append(time.perf_counter())

    config = trl.GRPOConfig(output_dir=str(folder / "trl"), max_steps=args.steps, num_generations=ROLLOUTS,
                            per_device_train_batch_size=PROMPTS * ROLLOUTS, max_completion_length=NEW_TOKENS,
                            temperature=1.0, learning_rate=1e-6, bf16=True, use_cpu=True, save_strategy="no",
                            report_to=[], beta=0.0)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "run/model", dtype=torch.bfloat16)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "run/model")
    trl.GRPOTrainer(model=model, args=config, reward_funcs=reward, train_dataset=data, processing_class=tokenizer,
                    callbacks=[Clock()]).train()
    assert len(lengths) == PROMPTS * ROLLOUTS * args.steps, len(lengths)
    return {"seconds": spread([b - a for a, b in zip(starts, starts[1:])]), "mean_tokens": sum(lengths) / len(lengths),
            "trl": trl.__version__, "transformers": transformers.__version__, "torch": torch.__version__}


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--pope", default="build/pope")
parser.add_argument("--model", required=True)
parser.add_argument("--problems", required=True)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--out")
args = parser.parse_args()
with tempfile.TemporaryDirectory() as folder:
    ours = pope_steps(args, pathlib.Path(folder))
    theirs = trl_steps(args, pathlib.Path(folder))
report = {"pope": ours, "trl": theirs, "ratio": theirs["seconds"]["median"] / ours["seconds"]["median"]}
print(json.dumps(report, indent=1))
if args.out:
    pathlib.Path(args.out).write_text(json.dumps(report, indent=1) + "\n")
