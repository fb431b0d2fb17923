"""PipelineRL: the problems and the rollout of a run. Written by `pope export pipelinerl`."""

import asyncio
import json
import time
from pathlib import Path

import pope_reward
from pipelinerl.async_llm import llm_async_generate, make_training_text
from pipelinerl.llm import Prompt
from pipelinerl.rollouts import BaseMetrics, RolloutResult


def load_problems(dataset_names):
    """dataset_loader: the rows of NAME.jsonl beside this file, for each name."""
    problems = []
    for name in dataset_names:
        with open(Path(__file__).parent / f"{name}.jsonl", encoding="utf-8") as rows:
            problems.extend(json.loads(row) for row in rows)
    return problems


async def generate_rollout(cfg, llm, problem, session):
    """actor.rollout_policy: one completion; reward 1 where it is correct and was not cut off."""
    start = time.time()
    call = await llm_async_generate(llm, Prompt(messages=problem["prompt"]), session)
    latency = time.time() - start
    text = make_training_text(llm, call)
    verdict = await asyncio.to_thread(
        pope_reward.judge, call.output.content or "", problem["answer"], problem["grading"])
    text.reward = float(text.finished and verdict["correct"])
    metrics = BaseMetrics(
        reward=text.reward, success=text.reward == 1, no_error=not verdict["undecided"],
        no_answer=verdict["extracted"] == "")
    return RolloutResult(
        training_texts=[text], metrics=metrics, latency=latency, dataset_name=problem["dataset"], domain="pope")
