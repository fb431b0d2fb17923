"""The reward: 1 where `pope verify` finds the completion correct, else 0. Written by `pope export`.

Needs Python 3.8, and the program `pope`: on PATH, or where the environment variable POPE says. Each Python process that
grades has one `pope verify -`, which gets a row of JSON a line and gives a verdict back; it ends with that process.
"""

import json
import os
import shutil
import subprocess
import threading

ARGUMENTS = []  # how the verifier was set
MAX_NEW_TOKENS = 16384  # a completion of as many tokens is cut off, and gets no reward


class Verifier:
    """One `pope verify -`. Threads take turns; a process that was forked starts its own."""

    def __init__(self):
        self._begin_anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self):
        self._lock, self._process, self._asked = threading.Lock(), None, 0

    def _start(self):
        program = os.environ.get("POPE", "pope")
        if shutil.which(program) is None:
            raise FileNotFoundError(f"no program {program!r}: put pope on PATH, or set POPE=/path/to/pope")
        self._process = subprocess.Popen(
            [program, "verify", "-", *ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
            errors="replace", start_new_session=True)  # a Ctrl-C is for the trainer, which may grade once more

    def _ask(self, line, number):
        self._process.stdin.write(line)
        self._process.stdin.flush()
        while True:
            reply = self._process.stdout.readline()
            if not reply:
                raise BrokenPipeError(f"`pope verify -` ended with {self._process.wait()}; its message is on stderr")
            verdict = json.loads(reply)
            # Of one that was interrupted while it waited, nobody waits for the reply.
            if verdict.get("id") == number:
                return verdict

    def verdict(self, row):
        """The verdict on a row of `pope verify`: correct, undecided, extracted, reason."""
        with self._lock:
            self._asked += 1
            number = self._asked
            line = json.dumps({**row, "id": number}) + "\n"
            if self._process is None or self._process.poll() is not None:
                self._start()
            try:
                verdict = self._ask(line, number)
            except BrokenPipeError:  # killed by somebody: once more
                self._process.wait()
                self._start()
                verdict = self._ask(line, number)
        if "error" in verdict:
            raise ValueError(verdict["error"])
        return verdict


VERIFIER = Verifier()


def text_of(completion):
    """A completion as text: a text, or a list of messages whose last one has it."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def judge(completion, answer=None, grading=None):
    """The verdict on a completion. grading: the column of that name; without it the answer alone is compared."""
    row = json.loads(grading) if grading else {"gold": str(answer), "form": "freetext"}
    return VERIFIER.verdict({**row, "pred": text_of(completion)})


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """verl: reward.custom_reward_function."""
    verdict = judge(solution_str, ground_truth, (extra_info or {}).get("grading"))
    score = float(verdict["correct"])
    return {"score": score, "acc": score, "undecided": float(verdict["undecided"]), "pred": verdict["extracted"]}


def correct(completions, answer, grading=None, completion_ids=None, **_):
    """TRL: one of reward_funcs."""
    rewards = []
    for i, completion in enumerate(completions):
        cut_off = completion_ids is not None and len(completion_ids[i]) >= MAX_NEW_TOKENS
        verdict = None if cut_off else judge(completion, answer[i], grading[i] if grading else None)
        rewards.append(float(verdict is not None and verdict["correct"]))
    return rewards
