"""A grader for rl_step.py: of each problem's rollouts every second one is right, so that every group has signal."""
import collections, json, sys

seen = collections.Counter()
for line in sys.stdin:
    request = json.loads(line)
    seen[request["problem_id"]] += 1
    print(json.dumps({"id": request["id"], "correct": seen[request["problem_id"]] % 2 == 1}), flush=True)
