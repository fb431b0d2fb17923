#!/usr/bin/env python3
"""Scores a model by lm-eval through a running `pope serve`, and in transformers, on the same small task.

    pip install 'lm_eval[api]' transformers torch --extra-index-url https://download.pytorch.org/whl/cpu
    pope export hf --model MODEL --out FOLDER
    pope serve FOLDER --port 8000 --set serve.name=served &
    python3 tests/parity_lm_eval.py http://127.0.0.1:8000 FOLDER problems.jsonl [ITEMS]

The task is made here, as no data set can be fetched everywhere: of the ITEMS (40) shortest problems of a file with
"problem" and "answer", which of four answers is its own; three are those of other problems. lm-eval compares their
log-likelihoods, which come from echoed prompts. Exit code 1 where a score or a log-likelihood differs.
"""
import json
import pathlib
import sys
import tempfile

import lm_eval
from lm_eval.tasks import TaskManager

TASK = """
task: which_number
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: choices
doc_to_target: label
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
NEAR = 1e-2  # nats of a whole answer: both compute in f32, with other orders of sums


def make_task(problems, items, folder):
    rows = sorted((json.loads(line) for line in open(problems)), key=lambda row: len(row["problem"]))[:items]
    answers = [row["answer"] for row in rows]
    with open(folder / "items.jsonl", "w") as file:
        for i, row in enumerate(rows):
            others = list(dict.fromkeys(answer for answer in answers[i + 1:] + answers[:i] if answer != answers[i]))[:3]
            choices = others[:i % 4] + [answers[i]] + others[i % 4:]
            file.write(json.dumps({"question": row["problem"], "choices": choices, "label": i % 4}) + "\n")
    (folder / "which_number.yaml").write_text(TASK % (folder / "items.jsonl"))


def scored(model, arguments, folder):
    result = lm_eval.simple_evaluate(model=model, model_args=arguments, tasks=["which_number"], log_samples=True,
                                     bootstrap_iters=0, task_manager=TaskManager(include_path=str(folder)))
    samples = sorted(result["samples"]["which_number"], key=lambda sample: sample["doc_id"])
    likelihoods = [[float(answer[0]) for answer in sample["filtered_resps"]] for sample in samples]
    return result["results"]["which_number"], likelihoods


def main(url, model, problems, items="40"):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_task(problems, int(items), folder)
        ours, served = scored("local-completions", f"model=served,base_url={url}/v1/completions,tokenizer={model},"
                              "tokenized_requests=True,num_concurrent=4", folder)
        theirs, local = scored("hf", f"pretrained={model},dtype=float32,device=cpu,batch_size=4", folder)
    apart = max(abs(a - b) for left, right in zip(served, local) for a, b in zip(left, right))
    scores = {key: (ours[key], theirs[key]) for key in ("acc,none", "acc_norm,none")}
    print(f"log-likelihoods: {sum(map(len, served))}, at most {apart:.2g} apart; scores (served, transformers): {scores}")
    sys.exit(any(a != b for a, b in scores.values()) or apart > NEAR)


main(*sys.argv[1:])
