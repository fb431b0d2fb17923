#!/usr/bin/env python3
"""Samples through a proxy that breaks requests, from a server that is killed again and again, and counts the rollouts.

  scripts/fault_proxy.py --pope build/pope [--rollouts 10000] [--kill-every 3] [--seed 1] [--out DIR]
  scripts/fault_proxy.py … --model DIR --server "vllm serve DIR --port {port}" --kill-every 120

A micro model is taught for the occasion. `pope eval` samples it natively, and again by `pope serve` behind the proxy,
which delays, resets connections before and after the request, answers 500 and 429, cuts bodies, garbles them, or lets
them drip; every few seconds the server gets SIGKILL and is started anew. Both must leave the same rollouts: as pope
serve draws as the native engine does, each can be compared by its text. Exit status 1 where one is missing, there
twice, or another. The last line is JSON: rollouts, faults by kind, kills.

With --server that command is the server, of the model DIR; at most 8 tokens a rollout. What it draws is its own, so each
rollout is counted, not compared.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from break_it import MODEL, SETTINGS

FAULTS = {"delay": .06, "reset": .04, "reset after": .04, "500": .04, "429": .02, "cut": .04, "garbled": .02, "drip": .01}


def read_message(stream):
    """Head and body of a request or a reply with Content-Length; None where the connection has ended."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(1 << 16)
        if not line:
            return None
        head += line
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    body = stream.read(length)
    return None if len(body) < length else head + body


class Proxy:
    def __init__(self, upstream, timeout, seed):
        self.upstream, self.timeout = upstream, timeout
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.counts = collections.Counter()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def draw(self):
        with self.lock:
            at = self.random.random()
            for fault, share in FAULTS.items():
                at -= share
                if at < 0:
                    self.counts[fault] += 1
                    return fault
            self.counts["none"] += 1
            return "none"

    def serve(self, client):
        with client, client.makefile("rb") as requests:
            try:
                while (request := read_message(requests)) is not None:
                    if not self.exchange(client, request, self.draw()):
                        return
            except OSError:
                pass  # either side has gone

    def exchange(self, client, request, fault):
        """False: the connection is over."""
        if fault == "reset":
            return False
        if fault in ("500", "429"):
            client.sendall(f"HTTP/1.1 {fault} Fault\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\nno".encode())
            return True
        if fault == "delay":
            time.sleep(.05 + .3 * self.random.random())
        with socket.create_connection(("127.0.0.1", self.upstream), timeout=self.timeout + 60) as server, server.makefile("rb") as replies:
            server.sendall(request)
            reply = read_message(replies)
        if reply is None or fault == "reset after":
            return False
        if fault == "cut":
            client.sendall(reply[:len(reply) * 2 // 3])
            return False
        if fault == "garbled":
            head, body = reply.split(b"\r\n\r\n", 1)
            reply = head + b"\r\n\r\n" + body[:len(body) // 2] + b"#" * (len(body) - len(body) // 2)
        if fault == "drip":
            for byte in range(len(reply)):
                client.sendall(reply[byte:byte + 1])
                time.sleep((self.timeout + 1) / len(reply))
            return True
        client.sendall(reply)
        return True


class Server:
    """A server, killed with its children and started anew on the same port every few seconds."""

    def __init__(self, command, folder, every, seed):
        self.log, self.every, self.random = open(folder / "serve.txt", "ab"), every, random.Random(seed)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.command = [word.replace("{port}", str(self.port)) for word in command]
        self.kills, self.stop = 0, threading.Event()
        self.start()
        self.thread = threading.Thread(target=self.keep_killing)
        self.thread.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, start_new_session=True)

    def keep_killing(self):
        while not self.stop.wait(self.every * (.5 + self.random.random())):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.kills += 1
            time.sleep(.3)
            self.start()

    def end(self):
        self.stop.set()
        self.thread.join()
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def rollouts_of(run):
    """{(problem, sample): text} of an evaluation, and how often each is there."""
    texts, times = {}, collections.Counter()
    for file in sorted((run / "rollouts").iterdir()):
        rows = subprocess.run(["zstd", "-dc", file], check=True, stdout=subprocess.PIPE, text=True).stdout \
            if file.suffix == ".zst" else file.read_text()
        for row in map(json.loads, filter(None, rows.split("\n"))):
            key = (row["problem_id"], row["sample"])
            texts[key] = (row["completion"], row["tokens"], row["finish"])
            times[key] += 1
    return texts, times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pope", default="build/pope")
    parser.add_argument("--rollouts", type=int, default=10000)
    parser.add_argument("--kill-every", type=float, default=3, help="seconds, about")
    parser.add_argument("--timeout", type=float, default=3, help="seconds that a request may take; a drip takes longer")
    parser.add_argument("--server", help="command of another server, with {port} in it")
    parser.add_argument("--model", help="what --server serves: a Hugging Face folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if bool(options.server) != bool(options.model):
        parser.error("--server and --model go together")
    pope = str(pathlib.Path(options.pope).resolve())
    folder = options.out or pathlib.Path(tempfile.mkdtemp(prefix="pope-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text(SETTINGS)
    (folder / "tiny.json").write_text(json.dumps(MODEL))

    def run(*arguments):
        subprocess.run([pope, *map(str, arguments)], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    problems, samples = 50, options.rollouts // 50
    run("problems", "-c", "tiny.yaml", "--set", f"source.count={problems}", "--out", "problems.jsonl")
    model = pathlib.Path(options.model).resolve() if options.model else "base/model"
    evaluation = ["eval", "-c", "tiny.yaml", "--model", model, "--problems", "problems.jsonl",
                  "--set", f"eval.samples={samples}", "--set", f"eval.keep_rollouts={samples}"]
    if options.server:
        evaluation += ["--set", "sampling.max_new_tokens=8"]
        command = shlex.split(options.server)
    else:
        run("problems", "-c", "tiny.yaml", "--set", "source.part=pretrain", "--set", "source.count=300", "--out",
            "pretrain.jsonl")
        run("init", "-c", "tiny.yaml", "tiny.json", "--out", "init")
        run("sft", "-c", "tiny.yaml", "--model", "init", "--problems", "pretrain.jsonl", "--out", "base")
        run(*evaluation, "--out", "native")
        command = [pope, "serve", str(folder / "base/model"), "--port", "{port}", "--set", "run.threads=1",
                   "--set", "serve.name=micro", "--set", "prompt.chat_template=plain"]
    server = Server(command, folder, options.kill_every, options.seed)
    proxy = Proxy(server.port, options.timeout, options.seed)
    start = time.monotonic()
    try:
        run(*evaluation, "--out", "proxied", "--set", "engine.kind=http",
            "--set", f"engine.urls=[http://127.0.0.1:{proxy.port}]", "--set", f"engine.timeout_s={options.timeout}",
            "--set", "engine.give_up_s=600", "--set", "engine.attempts=50", "--set", "engine.backoff_s=0.05",
            "--set", "sampling.batch_size=64", "--set", "engine.samples_per_request=4")
    finally:
        server.end()
    seconds = time.monotonic() - start
    got, times = rollouts_of(folder / "proxied")
    expected = {} if options.server else rollouts_of(folder / "native")[0]
    ids = [json.loads(row)["id"] for row in (folder / "problems.jsonl").read_text().splitlines()]
    wanted = {(name, sample) for name in ids for sample in range(samples)}
    result = {"rollouts": len(got), "missing": len(wanted - got.keys()),
              "twice": sum(count > 1 for count in times.values()),
              "others": sum(key not in wanted or (not options.server and got[key] != expected.get(key)) for key in got),
              "requests": sum(proxy.counts.values()), "faults": dict(proxy.counts), "kills": server.kills,
              "seconds": round(seconds, 1), "seed": options.seed}
    print(json.dumps(result))
    if any(result[key] for key in ("missing", "twice", "others")):
        sys.exit(1)


main()
