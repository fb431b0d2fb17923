"""What runs of pope leave, for break_it.py: which files count, and what of them must be the same in two runs."""
import collections
import contextlib
import json
import os
import re
import sqlite3
import subprocess

# Of results: what depends on the clock, and where samples are drawn again after a kill, on how many were.
TIMES = {"seconds", "peak_memory_bytes", "rows_per_second", "out"}
COSTS = {"tokens", "tokens_saved", "failures"}
LEFTOVER = re.compile(r"\.tmp(-\d+)?$|\.replaced$|\.again$|\.pope-\w+(-\d+)?$|\.partial\.jsonl$")


def newest(folder):
    """When something in the folder changed last."""
    times = [os.stat(folder).st_mtime_ns]
    for inner, folders, files in os.walk(folder):
        for name in folders + files:
            try:
                times.append(os.stat(os.path.join(inner, name)).st_mtime_ns)
            except OSError:
                pass  # it is gone by now
    return max(times)


def files_in(out):
    """The files that count, relative to `out`; of a file itself {""}."""
    if not os.path.isdir(out):
        return {""} if os.path.exists(out) else set()
    files = set()
    for folder, _, names in os.walk(out):
        files |= {os.path.relpath(os.path.join(folder, name), out) for name in names}
    return {re.sub(r"tensorboard/.*", "tensorboard/events", f) for f in files
            if not f.endswith((".log", "lock")) and not LEFTOVER.search(f)}


def sizes_in(out):
    """Bytes of each of them."""
    if not os.path.isdir(out):
        return [os.path.getsize(out)] if os.path.exists(out) else []
    return [os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(out) for name in names]


def rows_of(path):
    if path.endswith(".zst"):
        text = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
    else:
        with open(path, "rb") as file:
            text = file.read()
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def without(value, keys):
    if isinstance(value, dict):
        return {k: without(v, keys) for k, v in value.items() if k not in keys and not k.startswith(("time/", "async/"))}
    return [without(v, keys) for v in value] if isinstance(value, list) else value


def content(verb, out, name):
    """What a file holds, but for times, and for where it lies."""
    path = os.path.join(out, name) if name else out
    base = os.path.basename(name)
    if base == "events":
        folder = os.path.join(out, os.path.dirname(name))
        return len(os.listdir(folder)), sum(map(records_in, (os.path.join(folder, f) for f in os.listdir(folder))))
    if base == "environment.json":
        with open(path) as file:
            return json.dumps(without(json.load(file), {"starts"})).replace(out, "OUT")
    if base in ("result.json", "claims.json"):
        with open(path) as file:
            return json.dumps(without(json.load(file), TIMES | (COSTS if verb.samples else set()))).replace(out, "OUT")
    if base == "report.html" and verb.name == "reproduce":
        return None  # shows when its runs were started
    if base in ("state.json", "checksums.json"):  # what was under way when it was saved is a matter of moments
        with open(path) as file:
            return without(json.load(file), {"async", "state.json"} if "async" in verb.name else set())
    if base == "schedule.jsonl":  # passes are counted anew after a kill
        return [{key: row[key] for key in ("step", "groups", "dropped")} for row in rows_of(path)]
    if base.endswith(".jsonl.zst") or base == "metrics.jsonl":
        rows = [json.dumps(without(row, {"logprobs"} if verb.samples else set())) for row in rows_of(path)]
        return sorted(rows) if verb.samples else rows
    with open(path, "rb") as file:
        return file.read().replace(out.encode(), b"OUT")


def records_in(path):
    """How many records a file of TensorBoard has: length (8 bytes), CRC (4), data, CRC (4)."""
    with open(path, "rb") as file:
        data, at, count = file.read(), 0, 0
    while at + 16 <= len(data):
        at += 16 + int.from_bytes(data[at:at + 8], "little")
        count += 1
    return count


def check_sound(path, wrong):
    with contextlib.closing(sqlite3.connect(path)) as store:
        found = store.execute("pragma integrity_check").fetchone()[0]
    if found != "ok":
        wrong.append("store: " + found)


def check_store(verb, path, wrong):
    """A store of the agent: sound, all tasks in it, and after a run each ended, and done at most once."""
    for beside in ("-wal", "-shm", "-journal"):
        if os.path.exists(path + beside):
            wrong.append("left over: store" + beside)
    check_sound(path, wrong)
    with contextlib.closing(sqlite3.connect(path)) as store:
        states = dict(store.execute("select id, state from tasks"))
        passed = collections.Counter(row[0] for row in store.execute("select task from attempts where verified = 1"))
        open_attempts = store.execute("select count(*) from attempts where ended is null").fetchone()[0]
        faulty = store.execute("select count(*) from tasks where state = 'dead' and failures < 2").fetchone()[0]
    if len(states) != 16:
        wrong.append("store: %d tasks" % len(states))
    if verb.name == "agent add":
        return
    for task, state in states.items():
        if state not in ("succeeded", "dead") or passed[task] != (state == "succeeded"):
            wrong.append("store: %s is %s and was done %d times" % (task, state, passed[task]))
    if open_attempts or faulty:
        wrong.append("store: %d attempts run, %d tasks died of kills" % (open_attempts, faulty))
