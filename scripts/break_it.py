#!/usr/bin/env python3
"""Kills pope at random moments, fills its disk, and compares what it leaves with an undisturbed run.

  scripts/break_it.py --pope build/pope [--kills 200] [--disks 100] [--seed 1] [--verbs 'mine;train'] [--out trials.jsonl]

Every verb that writes or serves runs on micro models made for the occasion. A kill trial ends it up to three times, by SIGKILL,
SIGTERM or SIGINT, and gives the same command again until it is done. A disk trial runs it on a small tmpfs (in a mount
namespace of its own), under a limit on the size of files, or with a full stdout; then there is room, and the same
command is given again. Each time the files must be those of the undisturbed run, byte by byte but for times, what a
full disk ends must say so once and how to go on, and nothing may be left over: temporary files, checkpoints beyond
`keep`, processes. What an agent did depends on when it was killed: there each task must have ended, and been done at
most once. A server must end when asked, and its port be free again. One JSON line a trial; a table at the end; exit
status 1 when anything was wrong.
"""
import argparse
import collections
import hashlib
import http.server
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from break_it_files import LEFTOVER, check_store, content, files_in, newest, rows_of, sizes_in

SETTINGS = """
run: {threads: 1, seed: 7}
source: {walks: 2, modulus: 5, demonstrator: 0.7}
prompt: {chat_template: plain, system: "", unguided: "{problem} :", guided: "{problem} given {guidance} :",
  guided_silent: "{problem} silently {guidance} :"}
verify: {kind: walks}
sampling: {max_new_tokens: 8, batch_size: 32}
optimizer: {lr: 3.0e-3}
mine: {samples: 128, pass_at: [1], heldout: 0.2}
guide: {boundary: word, grid: 6, samples: 32}
collect: {samples: 64}
eval: {samples: 64, pass_at: [1]}
sft: {epochs: 1, batch_size: 16, save_every: 3}
train: {steps: 8, prompts_per_step: 8, rollouts_per_prompt: 4, save_every: 1, rollouts_every: 2, eval_every: 5, eval_samples: 2}
mixture: {guided: 0}
evolve: {budget: 60, dev: 8, samples: 2, reflection_tokens: 32}
agent: {calls: 2, lease_s: 1, backoff_s: 0.1, max_faults: 100, max_failures: 2}
engine: {backoff_s: 0.1}
reflector: {backoff_s: 0.1}
"""
MODEL = {"model_type": "llama", "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
         "num_key_value_heads": 3, "intermediate_size": 40, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "tie_word_embeddings": True, "hidden_act": "silu"}
ARMS = """
config: [../tiny.yaml]
steps:
  pretrain: {verb: problems, out: pretrain.jsonl, set: {source.part: pretrain, source.count: 300}}
  hard: {verb: problems, out: hard.jsonl, set: {source.count: 20}}
  init: {verb: init, argument: ../tiny.json}
  base: {verb: sft, set: {paths.model: "@init", paths.problems: "@pretrain"}}
train: {set: {paths.model: "@base/model", paths.problems: "@hard", paths.eval_sets: ["hard=@hard"]}}
eval: {set: {paths.eval_sets: ["hard=@hard"], eval.samples: 4, eval.pass_at: [1]}}
arms:
  base-model: {label: Base model, model: "@base/model"}
  plain: {label: GRPO, rl_seeds: all}
"""
STUDY = """
title: One study
claims:
  - {id: more, claim: more, metric: final/hard/unguided/pass@1, of: plain, minus: base-model, above: 0}
"""
KEEP = 2  # checkpoints, by default
PATIENCE_S = 300


class Server(http.server.ThreadingHTTPServer):
    """Speaks as vLLM does, without logprobs. What it samples is a function of prompt and seed."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer):
        self.answer = answer
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return "http://127.0.0.1:%d" % self.server_address[1]

    def handle_error(self, request, client_address):
        pass  # who asked was killed


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply({"data": [{"id": "micro", "owned_by": "somebody", "max_model_len": 4096}]})

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.endswith("/v1/completions"):
            self.reply({"error": {"message": "no such route"}}, 404)
            return
        time.sleep(0.01)
        choices = []
        for i in range(call.get("n", 1)):
            key = json.dumps([call["prompt"], call.get("seed", 0) + i])
            draw = random.Random(hashlib.sha256(key.encode()).digest())
            choices.append({"index": i, "text": self.server.answer(draw), "finish_reason": "stop"})
        self.reply({"choices": choices})


def grade():
    """As verify.command: judges by the text alone."""
    for line in sys.stdin:
        request = json.loads(line)
        correct = hashlib.sha256(request["completion"].encode()).digest()[0] < 128
        print(json.dumps({"id": request["id"], "correct": correct}), flush=True)


class Verb:
    def __init__(self, name, arguments, out="run", samples=False, weight=1.0, only_invariants=False, port=0):
        self.name, self.arguments, self.out = name, arguments, out  # out: run | folder | file | store | none
        self.port = port            # of one that serves until it is ended; 0: it ends by itself
        self.samples = samples      # draws lost samples again, in another order
        self.weight = weight        # of the trials
        self.only_invariants = only_invariants  # depends on the order of things: only what always holds
        self.seconds = self.first = 0.0


class Trials:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(prefix="break-it-", dir=options.work)
        self.random = random.Random(options.seed)
        self.disk = os.path.join(self.work, "disk")  # a tmpfs, where it can be mounted
        self.mounts = can_mount(self.disk)
        self.table = collections.defaultdict(collections.Counter)
        self.log = open(options.out, "a") if options.out else sys.stdout
        walks = Server(lambda draw: " ".join(str(draw.randrange(5)) for _ in range(draw.randrange(2, 6))))
        texts = Server(lambda draw: "So:\n```\n" + " ".join(str(draw.randrange(5)) for _ in range(4)) + "\n```")
        self.walks, self.texts = walks.url(), texts.url()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def path(self, name):
        return os.path.join(self.work, name)

    # Runs `pope ARGUMENTS`; {out}, {w} (the work folder) stand for paths. Returns the process, its stderr in a file.
    def start(self, arguments, out, limit=None, stdout=None):
        words = [a.replace("{out}", out).replace("{w}", self.work) for a in arguments]
        before = limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        with open(self.path("stderr"), "w") as err:
            return subprocess.Popen([self.options.pope] + words, stdin=subprocess.DEVNULL,
                                    stdout=stdout or subprocess.DEVNULL, stderr=err, preexec_fn=before,
                                    start_new_session=True, cwd=self.work)

    def stderr(self):
        with open(self.path("stderr"), errors="replace") as file:
            return file.read()

    # The exit status; None: it had to be killed.
    def wait(self, process):
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def must(self, arguments, out="-"):
        if self.wait(self.start(arguments, out)) != 0:
            sys.exit("break_it: preparing failed: pope %s\n%s" % (" ".join(arguments), self.stderr()))

    def prepare(self):
        os.makedirs(self.path("plan"))
        for name, text in (("tiny.yaml", SETTINGS), ("tiny.json", json.dumps(MODEL)), ("plan/arms.yaml", ARMS),
                           ("plan/one.yaml", STUDY)):
            with open(self.path(name), "w") as file:
                file.write(text)
        common = ["-c", "{w}/tiny.yaml"]
        self.must(["problems", "--set", "source.part=pretrain", "--set", "source.count=600", "--out",
                   "{w}/pretrain.jsonl"] + common)
        self.must(["problems", "--set", "source.count=24", "--out", "{w}/hard.jsonl"] + common)
        # Of one walk: training meets successes, and so moves the weights.
        self.must(["problems", "--set", "source.count=24", "--set", "source.walks=1", "--out", "{w}/easy.jsonl"] + common)
        self.must(["init", "{w}/tiny.json", "--out", "{w}/init"] + common)
        self.write_byte_tokenizer("texts")
        model = ["--model", "{w}/init"] + common
        self.must(["guide", "--problems", "{w}/hard.jsonl", "--out", "{w}/guided"] + model)
        self.must(["mine", "--problems", "{w}/easy.jsonl", "--set", "mine.heldout=0", "--out", "{w}/mined"] + model)
        self.prepare_agent()
        with open(self.path("pairs.jsonl"), "w") as file:  # as pope verify reads them
            for i in range(3000):
                file.write(json.dumps({"id": str(i), "gold": str(i % 7), "pred": "\\boxed{%d}" % (i % 5),
                                       "form": "response"}) + "\n")
        for name, own in (("rated-hard.jsonl", "hard.jsonl"), ("rated-easy.jsonl", "easy.jsonl")):
            with open(self.path(own)) as rows, open(self.path(name), "w") as file:
                for row in map(json.loads, rows):  # all of one success rate, as pope pairs chooses by it
                    row["mining"] = {"samples": 100, "correct": 30, "truncated": 0}
                    words = row["solution"].split()
                    row["guidance"] = {"kind": "prefix", "text": " ".join(words[:2]), "fraction": 0.2,
                                       "samples": 100, "correct": 30}
                    file.write(json.dumps(row) + "\n")

    def prepare_agent(self):
        """A store with tasks to do, and one with them done."""
        with open(self.path("tasks.jsonl"), "w") as file:
            for i in range(16):
                check = {"answer": "1"} if i % 2 else {"command": "grep -q 3 $CHECK/answer.txt"}
                file.write(json.dumps({"id": "task-%d" % i, "instruction": "Task %d." % i, "check": check}) + "\n")
        verbs = {verb.name: verb for verb in self.verbs()}
        for name in ("agent add", "agent run"):
            self.must(verbs[name].arguments, self.path("done.db"))
            if name == "agent add":
                shutil.copy(self.path("done.db"), self.path("added.db"))

    def write_byte_tokenizer(self, name):
        """A model folder without weights, for a server's model that reads any text: a token a byte, as GPT-2 spells them."""
        shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
        hidden = [byte for byte in range(256) if byte not in shown]
        vocabulary = {chr(byte): byte for byte in shown}
        vocabulary.update({chr(256 + i): byte for i, byte in enumerate(hidden)})
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
        end = {"id": 256, "content": "</s>", "special": True, "single_word": False, "lstrip": False, "rstrip": False,
               "normalized": False}
        os.makedirs(self.path(name))
        for file_name, value in (
                ("tokenizer.json", {"added_tokens": [end], "pre_tokenizer": byte_level, "decoder": byte_level,
                                    "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}),
                ("tokenizer_config.json", {"eos_token": "</s>"}),
                ("config.json", {**MODEL, "vocab_size": 257, "eos_token_id": 256, "max_position_embeddings": 16384})):
            with open(os.path.join(self.path(name), file_name), "w") as file:
                json.dump(value, file)

    def verbs(self):
        def on(problems, model="init"):
            return ["--model", "{w}/" + model, "--problems", "{w}/" + problems, "-c", "{w}/tiny.yaml", "--out", "{out}"]

        train = ["train"] + on("easy.jsonl") + ["--set", "paths.eval_sets=[hard={w}/easy.jsonl]"]
        asynchronous = ["--set", "train.mode=async", "--set", "async.max_lag="]
        http_engine = ["--set", "engine.kind=http", "--set", "engine.urls=[%s]" % self.walks]
        graded = ["--set", "verify.kind=command", "--set",
                  "verify.command=%s %s --grade {w}" % (sys.executable, os.path.abspath(__file__))]
        guided = ["--set", "mixture.guided=1", "--set", "mixture.unguided=1"]
        agent = ["--set", "agent.store={out}", "-c", "{w}/tiny.yaml"]
        text_model = ["--model", "{w}/texts", "--set", "engine.kind=http", "--set", "engine.urls=[%s]" % self.texts]
        return [
            Verb("problems", ["problems", "-c", "{w}/tiny.yaml", "--set", "source.part=pretrain", "--set",
                              "source.count=20000", "--out", "{out}"], "file"),
            Verb("problems convert", ["problems", "convert", "{w}/pretrain.jsonl", "{out}"], "file"),
            Verb("init", ["init", "{w}/tiny.json", "-c", "{w}/tiny.yaml", "--out", "{out}"], "folder"),
            Verb("export", ["export", "hf", "--model", "{w}/init", "--out", "{out}", "--set", "run.dtype=bf16"], "folder"),
            Verb("export jsonl", ["export", "jsonl"] + on("guided/guided.jsonl") + guided, "folder"),
            Verb("sft", ["sft"] + on("pretrain.jsonl"), weight=2),
            Verb("mine", ["mine"] + on("hard.jsonl"), samples=True, weight=2),
            Verb("mine, grader", ["mine"] + on("hard.jsonl") + graded, samples=True),
            Verb("mine, http", ["mine"] + on("hard.jsonl", "texts") + http_engine, samples=True),
            Verb("guide", ["guide"] + on("hard.jsonl"), samples=True),
            Verb("collect", ["collect"] + on("guided/guided.jsonl") + ["--set", "collect.prompt=star"], samples=True),
            Verb("train", train, weight=2),
            Verb("train, lora", train + ["--set", "lora.rank=2"]),
            Verb("train, adaptive", ["train"] + on("guided/guided.jsonl") + guided + ["--set", "train.guidance=adaptive"]),
            Verb("train, search", ["train"] + on("guided/guided.jsonl") + guided + ["--set", "train.guidance=search"]),
            Verb("train, grader", ["train"] + on("easy.jsonl") + graded, samples=False),
            Verb("train, async lag 0", train + asynchronous[:-1] + [asynchronous[-1] + "0"]),
            Verb("train, async lag 2", train + asynchronous[:-1] + [asynchronous[-1] + "2"], only_invariants=True),
            Verb("eval", ["eval"] + on("guided/guided.jsonl"), samples=True),
            Verb("evolve", ["evolve"] + on("easy.jsonl") +
                 ["--set", "evolve.reflection_model={w}/texts", "--set", "reflector.kind=http", "--set",
                  "reflector.urls=[%s]" % self.texts], samples=True, weight=2),
            Verb("pairs", ["pairs"] + on("rated-hard.jsonl") + ["--easy", "{w}/rated-easy.jsonl"]),
            Verb("report", ["report", "{w}/guided", "{w}/mined", "--out", "{out}"], "file"),
            Verb("verify", ["verify", "{w}/pairs.jsonl", "--out", "{out}"], "file"),
            Verb("reproduce", ["reproduce", "one", "--set", "reproduce.plan={w}/plan", "--bases", "1", "--rl-seeds", "1",
                               "--set", "reproduce.workers=1", "--out", "{out}"], weight=0.5),
            Verb("agent add", ["agent", "add", "{w}/tasks.jsonl"] + agent, "store"),
            Verb("agent run", ["agent", "run"] + text_model + graded + agent, "store", weight=2),
            Verb("agent report", ["agent", "report", "-c", "{w}/tiny.yaml", "--set", "agent.store={w}/done.db", "--out",
                                  "{out}"], "file"),
            Verb("agent export", ["agent", "export", "-c", "{w}/tiny.yaml", "--set", "agent.store={w}/done.db", "--out",
                                  "{out}"], "file"),
            Verb("serve", ["serve", "{w}/init", "-c", "{w}/tiny.yaml", "--port", str(self.port)], "none", port=self.port),
            Verb("watch", ["watch", "{w}/mined", "{w}/guided", "--port", str(self.port)], "none", port=self.port),
            Verb("doctor", ["doctor", "--engine", self.walks, "--model", "{w}/texts"], "none", weight=0.5),
        ]

    # Until it writes something. A file appears as a whole, at the end: there is nothing to wait for.
    def wait_for_output(self, process, verb, out, before):
        while verb.out in ("run", "folder", "store") and process.poll() is None and newest(os.path.dirname(out)) == before:
            time.sleep(0.002)

    # What an undisturbed run leaves, in whole/NAME, and how long it took; first: until its output was there.
    def run_whole(self, verb):
        verb.whole = self.fresh("whole/" + re.sub(r"\W+", "-", verb.name))
        self.place(verb, verb.whole)
        before = newest(os.path.dirname(verb.whole))
        begin = time.monotonic()
        process = self.start(verb.arguments, verb.whole)
        (self.wait_for_server if verb.port else self.wait_for_output)(process, verb, verb.whole, before)
        verb.first = time.monotonic() - begin
        code = self.wait_for_end(process, verb)
        verb.seconds = time.monotonic() - begin
        if code != 0:
            sys.exit("break_it: the undisturbed pope %s ended with %s:\n%s" % (verb.name, code, self.stderr()))

    # What must be there before its first start.
    def place(self, verb, out):
        if verb.name == "agent run":
            shutil.copy(self.path("added.db"), out)

    # Until it answers on its port, or has ended.
    def wait_for_server(self, process, verb, *_):
        while process.poll() is None:
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/health" % verb.port, timeout=10):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.01)

    # As wait(); a server is asked to end once it answers.
    def wait_for_end(self, process, verb):
        if verb.port:
            self.wait_for_server(process, verb)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        return self.wait(process)

    # `wrong`: how what lies in `out` differs from the undisturbed run, and what is left over.
    def compare(self, verb, out, wrong):
        if verb.out == "none":
            return
        beside = os.path.dirname(out)
        for folder, folders, files in os.walk(beside):
            for name in folders + files:
                if LEFTOVER.search(name):
                    wrong.append("left over: " + os.path.relpath(os.path.join(folder, name), beside))
            steps = [name for name in folders if re.fullmatch(r"step-\d+", name)]
            if os.path.basename(folder) == "checkpoints" and len(steps) > KEEP:
                wrong.append("left over: %d checkpoints" % len(steps))
        if verb.out == "store":
            check_store(verb, out, wrong)
            return
        if verb.only_invariants:
            self.check_steps(out, wrong)
            return
        mine, theirs = files_in(verb.whole), files_in(out)
        for name in sorted(mine ^ theirs):
            wrong.append(("lacks " if name in mine else "too many: ") + name)
        for name in sorted(mine & theirs):
            if content(verb, verb.whole, name) != content(verb, out, name):
                wrong.append("differs: " + name)

    # Asynchronous training: every step once, every prompt once.
    def check_steps(self, out, wrong):
        steps = [row["step"] for row in rows_of(os.path.join(out, "metrics.jsonl"))]
        if steps != list(range(9)):
            wrong.append("differs: steps %s" % steps)
        learned = sorted(i for row in rows_of(os.path.join(out, "schedule.jsonl")) for i in row["groups"])
        if learned != list(range(64)):
            wrong.append("differs: groups %s" % learned)
        for name in ("result.json", "model/model.safetensors"):
            if not os.path.exists(os.path.join(out, name)):
                wrong.append("lacks " + name)

    def check_processes(self, wrong):
        for _ in range(40):
            left = processes_naming(self.work)
            if not left:
                return
            time.sleep(0.1)
        wrong.append("left over: process " + "; ".join(left.values()))
        for process in left:
            os.kill(process, signal.SIGKILL)

    def again(self, verb, out, wrong):
        code = self.wait_for_end(self.start(verb.arguments, out), verb)
        if code != 0:
            wrong.append("given again, it ends with %s: %s" % (code, self.stderr()[-2000:]))
        else:
            self.compare(verb, out, wrong)

    def fresh(self, name):
        folder = self.path(name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        return os.path.join(folder, "out")

    def kill_trial(self, verb, draw):
        if verb.port:
            return self.server_trial(verb, draw)
        out, wrong, kills = self.fresh("trial"), [], []
        self.place(verb, out)
        for _ in range(draw.randint(1, 3)):
            at_work = draw.random() < 0.8  # once there is something of its output, else at any moment
            # Rather soon than late: what goes on has less to do, and the machine may be quicker now.
            delay = draw.random() * draw.random() * max(0.01, verb.seconds - (verb.first if at_work else 0))
            how = draw.choices([signal.SIGKILL, signal.SIGTERM, signal.SIGINT], [0.7, 0.15, 0.15])[0]
            before = newest(os.path.dirname(out))
            process = self.start(verb.arguments, out)
            if at_work:
                self.wait_for_output(process, verb, out, before)
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.send_signal(how)
            code = self.wait(process)
            kills.append({"at_work": at_work, "after": round(delay, 3), "signal": how.name, "exit": code})
            self.check_processes(wrong)
            if code == 0:
                self.compare(verb, out, wrong)
            elif code not in (-how, 128 + how):
                wrong.append("%s: ends with %s: %s" % (how.name, code, self.stderr()[-2000:]))
            elif code == 128 + how and "give the same command to go on" not in self.stderr():
                wrong.append("%s: does not say how to go on: %s" % (how.name, self.stderr()[-2000:]))
        self.again(verb, out, wrong)
        self.check_processes(wrong)
        return {"kills": kills, "hits": sum(k["exit"] != 0 for k in kills), "wrong": wrong}

    # Ends a server at any moment, while it is asked, and starts it again on the same port.
    def server_trial(self, verb, draw):
        wrong = []
        how = draw.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        process = self.start(verb.arguments, "-")
        delay = draw.random() * 2 * verb.first
        asking = threading.Thread(target=ask_until, args=(verb.port, time.monotonic() + delay + 1), daemon=True)
        asking.start()
        time.sleep(delay)
        process.send_signal(how)
        code = self.wait(process)
        asking.join()
        if code not in (0, -how, 128 + how):
            wrong.append("%s: ends with %s: %s" % (how.name, code, self.stderr()[-2000:]))
        self.check_processes(wrong)
        self.again(verb, "-", wrong)
        self.check_processes(wrong)
        return {"kills": [{"after": round(delay, 3), "signal": how.name, "exit": code}], "hits": 1, "wrong": wrong}

    def disk_trial(self, verb, draw):
        whole_bytes = sizes_in(verb.whole) or [4096]
        kinds, wrong = ["stdout"], []
        if verb.out != "none":
            kinds += ["limit"] * 2 + ["disk"] * (7 if self.mounts else 0)
        kind = draw.choice(kinds)
        size, limit, stdout = 0, None, None
        if kind == "disk":
            size = 4096 * draw.randint(1, max(2, sum(whole_bytes) * 11 // 10 // 4096))
            size += os.path.getsize(self.path("added.db")) if verb.name == "agent run" else 0
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "tmpfs", self.disk], check=True)
            out = os.path.join(self.disk, "out")
        else:
            out = self.fresh("trial")
            if kind == "limit":
                size = limit = draw.randint(4096, max(8192, *whole_bytes))  # room for the stderr file
            else:
                stdout = open("/dev/full", "w")
        self.place(verb, out)
        code = self.wait_for_end(self.start(verb.arguments, out, limit, stdout), verb)
        text = self.stderr()
        self.check_processes(wrong)
        if code != 0:
            self.check_message(verb, code, text, kind, wrong)
            self.check_no_wrong_data(verb, out, kind, wrong)
        if kind == "disk":
            subprocess.run(["mount", "-o", "remount,size=1g", self.disk], check=True)
        self.again(verb, out, wrong)
        if kind == "disk":
            subprocess.run(["umount", self.disk], check=True)
        return {"kind": kind, "bytes": size, "exit": code, "hits": int(code != 0), "wrong": wrong,
                "said": text.strip().splitlines()[-2:] if code != 0 else []}

    def check_message(self, verb, code, text, kind, wrong):
        if code != 1:
            wrong.append("%s: ends with %s: %s" % (kind, code, text[-2000:]))
        most = 2 if verb.name == "reproduce" else 1  # that of the run that it started
        if not 1 <= text.count("error: ") <= most or re.search(r"frame #|terminate called|what\(\)|unexpected", text):
            wrong.append("%s: not one clear message: %s" % (kind, text[-2000:]))
        if "hint: " not in text:
            wrong.append("%s: no hint: %s" % (kind, text[-2000:]))

    # What looks whole is whole.
    def check_no_wrong_data(self, verb, out, kind, wrong):
        complete = os.path.exists(os.path.join(out, "result.json") if verb.out == "run" else out)
        if not complete or verb.out in ("none", "store"):  # a store cannot be looked at while its disk is full
            return
        found = []
        self.compare(verb, out, found)
        wrong += ["%s, looks whole: %s" % (kind, one) for one in found if not one.startswith("left over")]

    def run(self):
        self.prepare()
        verbs = [v for v in self.verbs() if not self.options.verbs or v.name in self.options.verbs]
        for verb in verbs:
            self.run_whole(verb)
            print("%-20s %5.1f s" % (verb.name, verb.seconds), file=sys.stderr)
        for what, trial, most in (("kills", self.kill_trial, self.options.kills), ("disks", self.disk_trial, self.options.disks)):
            done = 0
            while done < most:
                # Each verb in its turn, those of more weight more often.
                verb = min(verbs, key=lambda v: self.table[v.name][what] / v.weight)
                seed = self.random.getrandbits(32)
                begin = time.monotonic()
                result = trial(verb, random.Random(seed))
                done += result["hits"]
                count = self.table[verb.name]
                count[what] += max(1, result["hits"])
                count[what + " that hit"] += result["hits"]
                count["wrong"] += any(not w.startswith("left over") for w in result["wrong"])
                count["left over"] += any(w.startswith("left over") for w in result["wrong"])
                row = {"verb": verb.name, "trial": what, "seed": seed, "seconds": round(time.monotonic() - begin, 2)}
                print(json.dumps({**row, **result}), file=self.log, flush=True)

    def show(self):
        columns = ("kills that hit", "disks that hit", "wrong", "left over")
        print("%-20s %15s %15s %6s %10s" % (("verb",) + columns), file=sys.stderr)
        total = collections.Counter()
        for name, count in self.table.items():
            total.update(count)
            print("%-20s %15d %15d %6d %10d" % ((name,) + tuple(count[c] for c in columns)), file=sys.stderr)
        print("%-20s %15d %15d %6d %10d" % (("all",) + tuple(total[c] for c in columns)), file=sys.stderr)
        return total["wrong"] + total["left over"]


def ask_until(port, end):
    """Clients of both kinds of server, one of which sends half a request."""
    half = None
    while time.monotonic() < end:
        body = json.dumps({"prompt": [1, 2, 3], "max_tokens": 8}).encode()
        for path, data in (("/", None), ("/v1/completions", body)):
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), data, timeout=5):
                    pass
            except OSError:
                time.sleep(0.01)
        if half is None:
            try:
                half = socket.create_connection(("127.0.0.1", port), timeout=1)
                half.sendall(b"POST /v1/completions HTTP/1.1\r\nContent-Le")
            except OSError:
                half = None
    if half is not None:
        half.close()


def can_mount(folder):
    os.makedirs(folder, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder]
    if subprocess.run(command, capture_output=True).returncode != 0:
        print("break_it: no tmpfs can be mounted here; only limits on the size of files are tried", file=sys.stderr)
        return False
    subprocess.run(["umount", folder], check=True)
    return True


def processes_naming(folder):
    """{process: its command line} of those that name the folder, but for this one."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name) as file:
                line = file.read().replace("\0", " ")
            with open("/proc/%s/stat" % name) as file:
                zombie = file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            continue
        if folder in line and int(name) != os.getpid() and not zombie:
            found[int(name)] = line
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pope", required=True, type=os.path.abspath, help="the program")
    parser.add_argument("--kills", type=int, default=200, help="kills that hit, over all verbs")
    parser.add_argument("--disks", type=int, default=100, help="disks that were full, over all verbs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbs", type=lambda text: text.split(";"), help="some of them: 'mine;train, async lag 2'")
    parser.add_argument("--out", help="where the JSON lines go; stdout by default")
    parser.add_argument("--work", help="folder for what is run; a temporary one by default")
    options = parser.parse_args()
    # In a mount namespace of its own, and where that takes rights, in a user namespace of its own.
    for flags in ("-m", "-rm"):
        if "BREAK_IT" not in os.environ and subprocess.run(["unshare", flags, "true"], capture_output=True).returncode == 0:
            os.execvpe("unshare", ["unshare", flags, sys.executable] + sys.argv, {**os.environ, "BREAK_IT": "1"})
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored, and so pope
    trials = Trials(options)
    print("break_it: seed %d, in %s" % (options.seed, trials.work), file=sys.stderr)
    trials.run()
    wrong = trials.show()
    if not wrong:
        shutil.rmtree(trials.work)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    if "--grade" in sys.argv:
        grade()
    else:
        main()
