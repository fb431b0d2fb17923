"""A grader for the tests: equal texts are correct. Says, when asked, what a grader should not."""
import json
import os
import subprocess
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
    if completion == "crash late":
        time.sleep(1.2)
        sys.exit(3)
    if completion == "family":
        child = subprocess.Popen(["sleep", "600"])
        with open(sys.argv[1] + "-new", "w") as file:
            file.write("%d %d" % (os.getpid(), child.pid))
        os.rename(sys.argv[1] + "-new", sys.argv[1] + "-pids")
        time.sleep(600)
    if completion == "endless":
        for _ in range(40):
            sys.stdout.write("x" * 100000)
        sys.stdout.flush()
        time.sleep(600)
    if completion == "hang":
        time.sleep(60)
    if completion == "slow":
        time.sleep(0.3)
    if completion == "noise":
        print("not JSON", flush=True)
        print(json.dumps({"id": -1, "correct": True}), flush=True)
    reply = {"id": request["id"], "correct": completion == request["gold"], "extracted": completion[:100],
             "reason": "process %d" % os.getpid()}
    if completion == "malformed":
        reply["correct"] = "yes"
    if completion == "text id":
        reply["id"] = str(reply["id"])
    if completion == "long texts":
        reply.update(extracted="e" * 5000, reason="r" * 5000)
    print(json.dumps(reply), flush=True)
