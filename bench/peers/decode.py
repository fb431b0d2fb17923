#!/usr/bin/env python3
"""Sampling by pope, transformers' generate and llama.cpp, in one run, in bf16, on the same weights.

    "$(bench/peers/setup.sh | tail -n1)" bench/peers/decode.py --model SmolLM2.gguf [--out FILE.json]

Prompts of 64 random tokens, one to a rollout, 128 new tokens at temperature 1 over the whole vocabulary, nothing stops a
rollout; batches of 1, 8 and 64 unless told otherwise. Seconds are prefill, decoding and drawing. Verified first: a rollout of
pope's with its log-probabilities is scored by both peers, mean difference below 0.1 nats (bf16 rounds at other places in each;
an error of position or weights makes differences of order 1). pope and peers take turns, so that what else the machine does
falls on all. Prints tokens/s (median, min, max of the turns), pope's ratio of medians to each peer, and the shares of its
ceilings that bench/sampler.cpp defines; each batch also on stderr as soon as it is known.
"""
import argparse, ctypes, json, pathlib, statistics, sys, tempfile

import numpy

from common import bf16_gguf, finish, hugging_face_folder, run_json, spread, timed

PROMPT, NEW, BATCHES = 64, 128, (1, 8, 64)


class Transformers:
    name = "transformers"

    def __init__(self, folder, threads):
        import torch, transformers

        torch.set_num_threads(threads)
        self.torch, self.version = torch, transformers.__version__
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)

    def logprobs(self, tokens):
        with self.torch.no_grad():
            return self.model(self.torch.tensor([tokens])).logits[0].float().log_softmax(-1).numpy()

    def sample(self, prompts):
        out = self.model.generate(self.torch.tensor(prompts), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                                  min_new_tokens=NEW, max_new_tokens=NEW, pad_token_id=0)
        assert out.shape == (len(prompts), PROMPT + NEW), out.shape


class LlamaCpp:
    name = "llama.cpp"

    def __init__(self, gguf, threads):
        import llama_cpp

        self.c, self.version, self.threads = llama_cpp, llama_cpp.__version__, threads
        llama_cpp.llama_backend_init()
        self.silence = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self.silence, ctypes.c_void_p(0))
        self.model = llama_cpp.llama_model_load_from_file(str(gguf).encode(), llama_cpp.llama_model_default_params())
        self.vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def context(self, sequences, positions):
        params = self.c.llama_context_default_params()
        params.n_ctx, params.n_seq_max = sequences * positions, sequences
        params.n_batch = params.n_ubatch = 2048
        params.n_threads = params.n_threads_batch = self.threads
        return self.c.llama_init_from_model(self.model, params)

    def decode(self, context, batch, entries):
        """entries: (token, position, sequence, wants logits)."""
        for begin in range(0, len(entries), 2048):
            part = entries[begin:begin + 2048]
            for i, (token, position, sequence, wanted) in enumerate(part):
                batch.token[i], batch.pos[i], batch.logits[i] = token, position, wanted
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
            batch.n_tokens = len(part)
            assert self.c.llama_decode(context, batch) == 0

    def logprobs(self, tokens):
        context, batch = self.context(1, len(tokens)), self.c.llama_batch_init(2048, 0, 1)
        self.decode(context, batch, [(t, i, 0, True) for i, t in enumerate(tokens)])
        rows = numpy.stack([numpy.ctypeslib.as_array(self.c.llama_get_logits_ith(context, i), (self.vocab,))
                            for i in range(len(tokens))]).astype(numpy.float64)
        self.c.llama_batch_free(batch)
        self.c.llama_free(context)
        top = rows.max(-1, keepdims=True)
        return rows - top - numpy.log(numpy.exp(rows - top).sum(-1, keepdims=True))

    def sample(self, prompts):
        c, n = self.c, len(prompts)
        context, batch = self.context(n, PROMPT + NEW), c.llama_batch_init(2048, 0, 1)
        draw = c.llama_sampler_init_dist(1)
        tokens = []
        # Prompts that fit one call together; the first token of each is drawn after its own call.
        together = 2048 // PROMPT
        for begin in range(0, n, together):
            part = range(begin, min(n, begin + together))
            self.decode(context, batch, [(t, i, s, i + 1 == PROMPT) for s in part for i, t in enumerate(prompts[s])])
            tokens += [c.llama_sampler_sample(draw, context, (k + 1) * PROMPT - 1) for k in range(len(part))]
        for step in range(NEW - 1):
            self.decode(context, batch, [(t, PROMPT + step, s, True) for s, t in enumerate(tokens)])
            tokens = [c.llama_sampler_sample(draw, context, s) for s in range(n)]
        c.llama_sampler_free(draw)
        c.llama_batch_free(batch)
        c.llama_free(context)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the programs pope and bench_sampler")
    parser.add_argument("--model", required=True, help=".gguf file")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out")
    args = parser.parse_args()
    build = pathlib.Path(args.build)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def ours(batch):  # checks itself before it measures
            return run_json([build / "bench_sampler", args.model, "--dtype", "bf16", "--json", "--repeats", 1, "--batch", batch,
                             "--prompt-tokens", PROMPT, "--new-tokens", NEW, "--rollout", folder / "rollout.json"])

        ours(1)
        rollout = json.loads((folder / "rollout.json").read_text())
        peers = [Transformers(hugging_face_folder(build / "pope", args.model, folder / "hf"), args.threads),
                 LlamaCpp(bf16_gguf(args.model, folder / "bf16.gguf"), args.threads)]
        tokens, begin = rollout["prompt"] + rollout["tokens"], len(rollout["prompt"])
        report = {"benchmark": "decode", "dtype": "bf16", "prompt_tokens": PROMPT, "new_tokens": NEW,
                  "threads": args.threads, "versions": {p.name: p.version for p in peers}, "logprob_difference": {}}
        for peer in peers:
            rows = peer.logprobs(tokens)
            gaps = [abs(rows[begin - 1 + i][t] - rollout["logprobs"][i]) for i, t in enumerate(rollout["tokens"])]
            report["logprob_difference"][peer.name] = {"mean": float(numpy.mean(gaps)), "max": float(max(gaps))}
            assert numpy.mean(gaps) < 0.1, (peer.name, numpy.mean(gaps))
        random = numpy.random.default_rng(1)
        report["batches"] = []
        for batch in args.batches:
            prompts = random.integers(0, 49152, (batch, PROMPT)).tolist()
            for peer in peers:
                peer.sample(prompts)  # warm-up
            mine, rates = [], {peer.name: [] for peer in peers}
            for _ in range(args.repeats):
                mine.append(ours(batch))
                for peer in peers:
                    rates[peer.name].append(batch * NEW / timed(lambda: peer.sample(prompts)))
            median = lambda value: statistics.median(value(run, run["batches"][0]) for run in mine)
            rates = {"pope": [run["batches"][0]["tokens_per_s"]["median"] for run in mine], **rates}
            speeds = {name: spread(values) for name, values in rates.items()}
            report["batches"].append({
                "batch": batch, "tokens_per_s": speeds,
                "ratio": {p.name: speeds["pope"]["median"] / speeds[p.name]["median"] for p in peers},
                "of_products": median(lambda _, b: b["fraction_of_products"]),
                "of_gemm_peak": median(lambda run, b: b["gflops"] / run["gemm_peak_gflops"]),
                "of_read_speed": median(lambda run, b: b["weights_gb_per_s"] / run["read_gb_per_s"])})
            print(json.dumps(report["batches"][-1]), file=sys.stderr)
    finish(report, args.out)


main()
