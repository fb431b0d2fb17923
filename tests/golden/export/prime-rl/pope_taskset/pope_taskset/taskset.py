"""The prompt sets of a run and their reward. Written by `pope export prime-rl`."""

import asyncio
import json
from pathlib import Path

import verifiers.v1 as vf

from pope_taskset import pope_reward


class PopeData(vf.TaskData):
    answer: str
    grading: str


class PopeTask(vf.Task[PopeData]):
    @vf.stop
    async def single_turn(self, trace: vf.Trace) -> bool:
        return trace.num_turns >= 1

    @vf.reward(weight=1.0)
    async def correct(self, trace: vf.Trace) -> float:
        if trace.is_truncated:
            return 0.0
        verdict = await asyncio.to_thread(
            pope_reward.judge, trace.last_reply, self.data.answer, self.data.grading)
        return float(verdict["correct"])


class PopeConfig(vf.TasksetConfig):
    rows: str = "unguided"
    """Which set: the name of a .jsonl file beside this one."""


class PopeTaskset(vf.Taskset[PopeTask, PopeConfig]):
    def load(self) -> list[PopeTask]:
        with open(Path(__file__).parent / f"{self.config.rows}.jsonl", encoding="utf-8") as rows:
            return [PopeTask(PopeData(idx=i, **json.loads(row)), self.config.task) for i, row in enumerate(rows)]
