"""A grader for the tests: equal texts are correct. Says, when asked, what a grader should not."""
import json
import os
import sys
import time

for line in sys.stdin:
    request = json.loads(line)
    completion = request["completion"]
    if completion == "crash":
        sys.exit(3)
    if completion == "crash once" and not os.path.exists(sys.argv[1]):
        open(sys.argv[1], "w").close()
        sys.exit(3)
    if completion == "hang":
        time.sleep(60)
    if completion == "slow":
        time.sleep(0.3)
    if completion == "noise":
        print("not JSON", flush=True)
        print(json.dumps({"id": -1, "correct": True}), flush=True)
    reply = {"id": request["id"], "correct": completion == request["gold"], "extracted": completion,
             "reason": "process %d" % os.getpid()}
    if completion == "malformed":
        reply["correct"] = "yes"
    print(json.dumps(reply), flush=True)
