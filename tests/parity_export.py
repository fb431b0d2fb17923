"""What `pope export` writes, read and scored by the trainers' own packages, as far as they are installed here.

    python tests/parity_export.py --pope build/pope --tokenizer FOLDER [--pipelinerl CHECKOUT] [--prime-rl CHECKOUT]

FOLDER: a Hugging Face directory whose tokenizer has a chat template, e.g. `pope export hf` of SmolLM2's GGUF
(scripts/fetch_model.sh smollm2). A part whose package is missing is skipped and says so; the packages may be in environments of
their own, and the script is then run in each. On a CPU:

  verl        pip install torch==2.11.0 transformers datasets pandas hydra-core tensordict codetiming ray; --no-deps verl==0.9.1
              The config by Hydra on top of verl's, RLHFDataset on JSON Lines and Parquet, the reward manager's scores.
  trl         pip install trl==1.16.0 transformers==5.23.0 datasets accelerate torch==2.11.0
              `trl grpo --config trl.yaml` for one step on a random model of one layer; SDFT's teacher prompt.
  prime-rl    pip install verifiers==0.4.0; with a checkout of prime-rl its config classes, too (Python 3.12)
              The taskset loaded and a trace scored by verifiers; the TOML by prime-rl's RLConfig.
  pipelinerl  a checkout, and what it imports
              The config by Hydra on top of PipelineRL's; the loader; the rollout, with the model's reply given.
Exits with 1 at the first difference.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "export"
RIGHT = {"sum": "\\boxed{0.5}", "café": "\\boxed{8}", "odd": "the answer is 3", "two": "\\boxed{2}"}


def expect(holds, what):
    if not holds:
        print(f"FAILED: {what}")
        sys.exit(1)


def has(*modules):
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        print(f"  skipped: not installed: {', '.join(missing)}")
    return not missing


def export(pope, name, out, *more):
    """The paper's settings, with the objective that the trainer has."""
    objective = ROOT / "configs" / "objectives" / f"{name}.yaml"
    configs = [ROOT / "configs" / "qwen3_4b.yaml"] + ([objective] if objective.exists() else [])
    command = [pope, "export", name, *(f for c in configs for f in ("-c", c)), "--model", "Qwen/Qwen3-4B-Instruct-2507",
               "--problems", GOLDEN / "problems.jsonl", "--easy", GOLDEN / "easy.jsonl", "--set", "mixture.easy=0.5",
               "--set", "train.prompts_per_step=5", "--set", "train.eval_every=50",
               "--eval-set", f"two={GOLDEN / 'easy.jsonl'}", "--out", out, *more]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
    return out


def rows_of(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def verl(arguments, folder):
    if not has("verl", "ray", "hydra", "datasets"):
        return
    import numpy
    import torch
    import transformers
    from hydra import compose, initialize_config_dir
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager
    from verl.utils import omega_conf_to_dataclass
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

    out = export(arguments.pope, "verl", folder / "verl")
    parquet = export(arguments.pope, "verl", folder / "verl-parquet", "--set", "export.rows=parquet")
    os.environ["PWD"] = str(out)  # as a shell has it there
    with initialize_config_dir(str(out), version_base=None):
        config = compose("verl")
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    expect(actor.optim.lr == 1e-6 and actor.clip_ratio_high == 0.28 and actor.clip_ratio_c == 3.0, "verl: the actor's config")
    expect(config.algorithm.adv_estimator == "grpo" and config.actor_rollout_ref.rollout.n == 8, "verl: the algorithm")
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.tokenizer)
    data = RLHFDataset(list(config.data.train_files), tokenizer, config.data)
    other = RLHFDataset([str(parquet / "mixture.parquet")], tokenizer, config.data)
    written = rows_of(out / "mixture.jsonl")
    expect(len(data) == len(other) == len(written), f"verl: {len(data)}, {len(other)} of {len(written)} prompts")
    for i, row in enumerate(written):
        for item in (data[i], other[i]):
            expect(item["raw_prompt"] == row["prompt"] and item["reward_model"] == row["reward_model"], f"verl: row {i}")
            expect(item["extra_info"] == row["extra_info"], f"verl: extra_info of row {i}")
    manager = load_reward_manager(config, tokenizer)
    for i, row in enumerate(written):
        right = RIGHT[row["extra_info"]["id"]]
        for text, score in ((right, 1.0), ("\\boxed{77}", 0.0)):
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            item = collate_fn([data[i]])
            item = {key: value for key, value in item.items() if isinstance(value, numpy.ndarray)}
            batch = DataProto.from_dict(tensors={"responses": ids, "attention_mask": torch.ones_like(ids)}, non_tensors=item)
            got = manager.loop.run_until_complete(manager.run_single(batch))
            expect(got["reward_score"] == score, f"verl: {got} for {text}")
    print(f"  {len(data)} prompts read from JSON Lines and from Parquet alike, {2 * len(data)} completions scored")


def tiny_model(arguments, folder):
    """A random Qwen2 of one layer with the vocabulary of the tokenizer."""
    vocabulary = json.loads((Path(arguments.tokenizer) / "config.json").read_text())["vocab_size"]
    config = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 32, "intermediate_size": 64,
              "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 1, "vocab_size": vocabulary,
              "max_position_embeddings": 2048, "tie_word_embeddings": True}
    (folder / "tiny.json").write_text(json.dumps(config))
    subprocess.run([sys.executable, ROOT / "scripts" / "random_model.py", "--config", folder / "tiny.json", "--tokenizer",
                    arguments.tokenizer, "--out", folder / "tiny"], check=True, stdout=subprocess.DEVNULL)
    return folder / "tiny"


def trl(arguments, folder):
    if not has("trl", "datasets", "accelerate"):
        return
    from trl.experimental.sdft.sdft_trainer import DemonstrationTeacherContextBuilder
    from trl.scripts import grpo

    out = export(arguments.pope, "trl", folder / "trl")
    tiny = tiny_model(arguments, folder)
    os.chdir(out)
    sys.path.insert(0, str(out))
    import pope_reward

    asked = []
    correct = pope_reward.correct

    def watched(**columns):
        rewards = correct(**columns)
        asked.append((columns, rewards))
        return rewards

    watched.__name__ = "correct"
    pope_reward.correct = watched
    script, training, model, data = grpo.make_parser().parse_args_and_config(
        ["--config", "trl.yaml", "--model_name_or_path", str(tiny), "--max_steps", "1", "--max_completion_length", "4",
         "--bf16", "false", "--use_cpu", "true", "--save_strategy", "no", "--num_generations", "2",
         "--per_device_train_batch_size", "2", "--output_dir", str(folder / "trl-run")])
    expect(training.learning_rate == 1e-6 and training.temperature == 0.8, "trl: the config")
    expect(training.loss_type == "dapo" and training.gradient_accumulation_steps == 5, "trl: the config")
    grpo.main(script, training, model, data)
    expect((folder / "trl-run" / "config.json").exists(), "trl: no model was saved")
    written = {row["id"] + row["set"]: row for row in rows_of(out / "mixture.jsonl")}
    seen = 0
    for columns, rewards in asked:
        for i, completion in enumerate(columns["completions"]):
            row = written[columns["id"][i] + columns["set"][i]]
            expect(columns["prompts"][i] == row["prompt"] and columns["answer"][i] == row["answer"], "trl: a prompt")
            right = correct(completions=[RIGHT[row["id"]]], answer=[row["answer"]], grading=[row["grading"]])
            expect(right == [1.0] and rewards[i] in (0.0, 1.0), f"trl: {rewards[i]} for {completion}")
            seen += 1
    builder = DemonstrationTeacherContextBuilder(
        SimpleNamespace(args=SimpleNamespace(teacher_prompt_template="{prompt}\n\n{privileged_context}")))
    guided = rows_of(out / "guided.jsonl")[0]
    teacher = builder.select_generation_prompts([guided["prompt"]], [guided["privileged_context"]])[0]
    expect(teacher[-1]["content"].endswith(guided["privileged_context"]), "trl: SDFT's teacher prompt")
    print(f"  one step of GRPOTrainer, {seen} completions scored by our reward; SDFT takes privileged_context")


def prime_rl(arguments, folder):
    if not has("verifiers"):
        return
    import verifiers.v1 as vf

    out = export(arguments.pope, "prime-rl", folder / "prime-rl")
    sys.path.insert(0, str(out / "pope_taskset"))
    from pope_taskset.taskset import PopeConfig, PopeTaskset

    scored = 0
    for name in ("unguided", "guided", "easy"):
        tasks = list(PopeTaskset(PopeConfig(id="pope-taskset", rows=name)))
        written = rows_of(out / "pope_taskset" / "pope_taskset" / f"{name}.jsonl")
        expect([task.data.prompt for task in tasks] == [row["prompt"] for row in written], f"prime-rl: {name}")
        for task in tasks:
            for text, score in ((RIGHT[task.data.name], 1.0), ("\\boxed{77}", 0.0)):
                trace = SimpleNamespace(is_truncated=False, last_reply=text, num_turns=1)
                expect(asyncio.run(task.correct(trace)) == score, f"prime-rl: {text}")
                trace.is_truncated = True
                expect(asyncio.run(task.correct(trace)) == 0, "prime-rl: what was cut off")
                expect(asyncio.run(task.single_turn(trace)), "prime-rl: a second turn")
                scored += 2
    print(f"  verifiers {vf.__name__}: the sets loaded, {scored} traces scored")
    if arguments.prime_rl is None:
        print("  skipped: the TOML, no checkout of prime-rl is named")
        return
    sys.path.insert(0, str(arguments.prime_rl / "packages" / "prime-rl-configs" / "src"))
    import tomllib

    from prime_rl.configs.rl import RLConfig

    config = RLConfig.model_validate(tomllib.loads((out / "prime_rl.toml").read_text()))
    ratios = {source.resolved_name: source.ratio for source in config.orchestrator.train.source}
    expect(ratios == {"unguided": 1.0, "guided": 1.0, "easy": 0.5}, f"prime-rl: {ratios}")
    expect(config.trainer.optim.lr == 1e-6 and config.orchestrator.train.source[0].group_size == 8, "prime-rl: the config")
    print("  prime-rl's RLConfig takes the TOML")


def pipelinerl(arguments, folder):
    if arguments.pipelinerl is None:
        print("  skipped: no checkout is named")
        return
    sys.path.insert(0, str(arguments.pipelinerl))
    if not has("hydra", "aiohttp", "litellm"):
        return
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    out = export(arguments.pope, "pipelinerl", folder / "pipelinerl")
    GlobalHydra.instance().clear()
    # --config-dir is a search path beside that of the program.
    with initialize_config_dir(str(out), version_base="1.3.2"):
        config = compose("pope", overrides=[f"hydra.searchpath=[file://{arguments.pipelinerl / 'conf'}]", "output_dir=x"])
    expect(config.finetune.rl.epsilon_high == 4.0 and config.finetune.learning_rate == 1e-6, "pipelinerl: the config")
    expect(config.finetune.rl.temperature == 0.8 and config.finetune.attempts == 8, "pipelinerl: the rollouts")
    sys.path.insert(0, str(out))
    import hydra

    problems = hydra.utils.get_method(config.dataset_loader)(config.train_dataset_names)
    expect(problems == rows_of(out / "mixture.jsonl"), "pipelinerl: the loader")
    rollout = hydra.utils.get_method(config.actor.rollout_policy)
    module = sys.modules[rollout.__module__]
    from pipelinerl.rollouts import TrainingText

    for problem in problems:
        for text, finished, reward in ((RIGHT[problem["id"]], True, 1), (RIGHT[problem["id"]], False, 0), ("x", True, 0)):
            async def reply(llm, prompt, session, text=text):
                expect([dict(message) for message in prompt.messages] == problem["prompt"], "pipelinerl: a prompt")
                return SimpleNamespace(output=SimpleNamespace(content=text))

            module.llm_async_generate = reply
            module.make_training_text = lambda llm, call: TrainingText(text="xy", n_predicted=1, finished=finished)
            result = asyncio.run(rollout(config, None, problem, None))
            expect(result.training_texts[0].reward == reward and result.metrics.success == bool(reward), "pipelinerl: reward")
            expect(result.dataset_name == problem["dataset"], "pipelinerl: the name of the set")
    print(f"  the config composed, {len(problems)} problems loaded, {3 * len(problems)} rollouts scored")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pope", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--pipelinerl", type=Path)
    parser.add_argument("--prime-rl", type=Path)
    parser.add_argument("--only", choices=("verl", "trl", "prime-rl", "pipelinerl"))
    arguments = parser.parse_args()
    for name in ("pope", "tokenizer", "pipelinerl", "prime_rl"):
        if getattr(arguments, name) is not None:
            setattr(arguments, name, getattr(arguments, name).resolve())
    os.environ["POPE"] = str(arguments.pope)
    parts = {"verl": verl, "trl": trl, "prime-rl": prime_rl, "pipelinerl": pipelinerl}
    with tempfile.TemporaryDirectory() as folder:
        for name, part in parts.items():
            if arguments.only in (None, name):
                print(name)
                part(arguments, Path(folder))


if __name__ == "__main__":
    main()
