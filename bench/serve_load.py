#!/usr/bin/env python3
"""Load on a running server that speaks the OpenAI API: latency and tokens/s at so many clients, and what clients that
mean harm change about it.

  pope serve MODEL --port 8000 &
  bench/serve_load.py http://127.0.0.1:8000 [--clients 64] [--requests 256] [--tokens 64]

Each client sends a completion of its own prompt, waits for the answer, and sends the next. Then the same again beside
connections that send nothing, half a head, a byte a second, or a body that is too large. One JSON line each: seconds
to the whole answer (median and 99th percentile), tokens/s of all together, errors.
"""
import argparse
import asyncio
import itertools
import json
import sys
import time
import urllib.parse


class Client:
    """One connection of HTTP/1.1 that is kept open."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    async def ask(self, method, path, body=b""):
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        return int(head.split()[1]), (await self.reader.readexactly(length)).decode()


async def load(options, model):
    numbers, latencies, tokens, errors = itertools.count(), [], 0, 0

    async def client():
        nonlocal tokens, errors
        connection = Client(options.url)
        await connection.open()
        while (number := next(numbers)) < options.requests:
            start = time.perf_counter()
            try:
                status, reply = await connection.ask("POST", "/v1/completions", json.dumps({
                    "model": model, "prompt": f"Problem {number}: what is {number * 37} + {number % 11}? Answer:",
                    "max_tokens": options.tokens, "temperature": 1, "seed": number, "ignore_eos": True}).encode())
            except (OSError, asyncio.IncompleteReadError):
                errors += 1
                await connection.open()
                continue
            errors += status != 200
            if status == 200:
                latencies.append(time.perf_counter() - start)
                tokens += json.loads(reply)["usage"]["completion_tokens"]

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(options.clients)))
    seconds = time.perf_counter() - start
    latencies.sort()
    at = lambda part: round(latencies[min(len(latencies) - 1, int(part * len(latencies)))], 3)
    return {"clients": options.clients, "requests": len(latencies), "errors": errors, "p50_s": at(.5), "p99_s": at(.99),
            "tokens_per_s": round(tokens / seconds, 1), "seconds": round(seconds, 1)}


async def harm(options, kind):
    """For ever: what the server does about it is its own affair."""
    while True:
        try:
            connection = Client(options.url)
            await connection.open()
            reader, writer = connection.reader, connection.writer
            if kind == "half head":
                writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
            if kind == "slow":
                for byte in b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n" + b" " * 100:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            if kind == "huge":
                writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n")
                for _ in range(1000):
                    writer.write(b"x" * 65536)
                    await writer.drain()
            await asyncio.wait_for(reader.read(), 30)
        except (OSError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(.05)


async def main(options):
    connection = Client(options.url)
    await connection.open()
    status, models = await connection.ask("GET", "/v1/models")
    if status != 200:
        sys.exit(f"status {status}: {models}")
    model = json.loads(models)["data"][0]["id"]
    print(json.dumps({"harm": None, **await load(options, model)}), flush=True)
    kinds = ["nothing", "half head", "slow", "huge"]
    counts = {"nothing": 32, "half head": 16, "slow": 8, "huge": 2}
    harmful = [asyncio.create_task(harm(options, kind)) for kind in kinds for _ in range(counts[kind])]
    await asyncio.sleep(1)
    print(json.dumps({"harm": counts, **await load(options, model)}), flush=True)
    for task in harmful:
        task.cancel()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("url")
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--requests", type=int, default=256)
parser.add_argument("--tokens", type=int, default=64)
asyncio.run(main(parser.parse_args()))
