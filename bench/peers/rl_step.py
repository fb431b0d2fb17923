#!/usr/bin/env python3
"""One whole RL step by pope and by TRL's GRPOTrainer, in one run, in bf16: the same work.

    "$(bench/peers/setup.sh | tail -n1)" bench/peers/rl_step.py --model SmolLM2.gguf --problems gsm8k_train.jsonl
        [--steps 3] [--out FILE.json]

Both load the same Hugging Face directory and do 4 prompts x 8 rollouts x 128 new tokens a step at temperature 1. The prompts
are the same (the problem alone as the user's message, in the model's chat template). No rollout ends early: the directory names another
special token as the end of text (the mean length is checked). A truncated rollout is never right for pope, so that no group has signal
and would be forwarded; a bonus of 1e-9 times the entropy makes it forward all, as TRL does in any case. A step is sampling, grading, forward, backward and optimiser;
TRL without gradient checkpointing, which would only slow it down. Prints seconds per step (median, min, max) and the ratio.
"""
import argparse, collections, json, pathlib, subprocess, sys, tempfile, time

from common import finish, hugging_face_folder, spread

PROMPTS, ROLLOUTS, NEW_TOKENS, NEVER = 4, 8, 128, "<filename>"


def end_with(folder, token):
    """Names `token` as the end of text wherever the directory says so; the chat template keeps its own."""
    import transformers

    index = transformers.AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(token)
    for name, key, value in (("config.json", "eos_token_id", index), ("generation_config.json", "eos_token_id", index),
                             ("tokenizer_config.json", "eos_token", token)):
        content = json.loads((folder / name).read_text())
        content[key] = value
        (folder / name).write_text(json.dumps(content))


def pope_steps(args, folder):
    settings = {"train.steps": args.steps + 1, "train.prompts_per_step": PROMPTS, "train.rollouts_per_prompt": ROLLOUTS,
                "train.save_every": 1000, "train.rollouts_every": 0, "mixture.guided": 0, "run.dtype": "bf16",
                "prompt.unguided": "{problem}", "sampling.max_new_tokens": NEW_TOKENS, "optimizer.lr": 1e-6,
                "train.micro_batch_tokens": 4096, "objective.entropy_coef": 1e-9, "verify.kind": "math"}
    command = [args.build + "/pope", "train", "--model", str(folder / "hf"), "--problems", str(folder / "problems.jsonl"),
               "--out", str(folder / "run"), "--json"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    rows = [json.loads(line) for line in open(folder / "run/metrics.jsonl")]
    assert result["tokens"] == PROMPTS * ROLLOUTS * NEW_TOKENS * (args.steps + 1), result["tokens"]
    assert all(row["grad_norm"] > 0 for row in rows)  # something was forwarded
    stages = ["sample", "verify", "learn", "optimizer"]
    rows = rows[1:]  # the first warms up
    return {"seconds": spread([sum(row[f"time/{stage}_s"] for stage in stages) for row in rows]),
            "stages": {stage: spread([row[f"time/{stage}_s"] for row in rows])["median"] for stage in stages}}


def trl_steps(args, folder):
    import torch, transformers, trl
    from datasets import Dataset

    rows = [json.loads(line) for line in open(folder / "problems.jsonl")]
    data = Dataset.from_list([{"prompt": [{"role": "user", "content": row["problem"]}]} for row in rows])
    lengths, starts = [], []

    def reward(prompts, completion_ids, **_):
        lengths.extend(len(ids) for ids in completion_ids)
        seen = collections.Counter()
        result = []
        for prompt in prompts:
            seen[json.dumps(prompt)] += 1
            result.append(float(seen[json.dumps(prompt)] % 2))
        return result

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *_, **__):
            starts.append(time.perf_counter())

        def on_train_end(self, *_, **__):
            starts.append(time.perf_counter())

    config = trl.GRPOConfig(output_dir=str(folder / "trl"), max_steps=args.steps + 1, num_generations=ROLLOUTS,
                            per_device_train_batch_size=PROMPTS * ROLLOUTS, max_completion_length=NEW_TOKENS,
                            temperature=1.0, learning_rate=1e-6, bf16=True, use_cpu=True, save_strategy="no",
                            report_to=[], beta=0.0, gradient_checkpointing=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.bfloat16)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "hf")
    trl.GRPOTrainer(model=model, args=config, reward_funcs=reward, train_dataset=data, processing_class=tokenizer,
                    callbacks=[Clock()]).train()
    assert lengths == [NEW_TOKENS] * (PROMPTS * ROLLOUTS * (args.steps + 1)), lengths
    times = [b - a for a, b in zip(starts, starts[1:])]
    return {"seconds": spread(times[1:]), "versions": {"trl": trl.__version__, "transformers": transformers.__version__,
                                                       "torch": torch.__version__}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the program pope")
    parser.add_argument("--model", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        end_with(hugging_face_folder(args.build + "/pope", args.model, folder / "hf"), NEVER)
        with open(args.problems) as lines, open(folder / "problems.jsonl", "w") as out:
            for i in range(PROMPTS * (args.steps + 1)):
                row = json.loads(next(lines))
                out.write(json.dumps({"id": str(i), "problem": row.get("problem") or row["question"], "answer": "0"}) + "\n")
        ours = pope_steps(args, folder)
        theirs = trl_steps(args, folder)
    finish({"benchmark": "rl_step", "dtype": "bf16", "prompts": PROMPTS, "rollouts": ROLLOUTS, "new_tokens": NEW_TOKENS,
            "pope": ours, "trl": theirs, "ratio": theirs["seconds"]["median"] / ours["seconds"]["median"]}, args.out)


main()
