#!/usr/bin/env python3
"""A grader of your own for pope, here with Math-Verify (pip install 'math-verify[antlr4_13_2]').

  pope verify cases.jsonl --set verify.kind=command --set verify.command='python3 examples/math_verify_grader.py'

pope starts it once per worker (verify.workers), keeps it alive, and sends one JSON object a line; one line comes back
for each. The same function behind an HTTP endpoint serves verify.kind=http: the object is POSTed, the reply is the body.
"""
import json
import sys

from math_verify import parse, verify


def grade(request):
    """{"id", "problem_id", "problem", "gold", "completion"} -> {"id", "correct", "extracted", "reason"}."""
    gold = parse(f"${request['gold']}$")
    answer = parse(request["completion"])
    correct = bool(verify(gold, answer))
    return {
        "id": request["id"],
        "correct": correct,
        "extracted": str(answer[-1]) if answer else "",
        "reason": "equal" if correct else "not equal",
    }


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = grade(request)
    except Exception as error:  # pope counts it apart: neither right nor wrong
        reply = {"id": request["id"], "correct": False, "undecided": True, "reason": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
