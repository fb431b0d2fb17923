#!/usr/bin/env python3
"""One training step by pope and by transformers with torch's AdamW, in one run, in bf16, on the same tokens.

    "$(bench/peers/setup.sh | tail -n1)" bench/peers/train_step.py --model SmolLM2.gguf [--out FILE.json]

4 groups of 8 rollouts, 100 prompt and 118 completion tokens each, all with signal; forward, backward, clipping, AdamW. The
peer is written as its users write it: right-padded rows (here all of one length), logits of the completions only,
log-softmax in fp32, the clipped policy loss, bf16 parameters; of its micro-batches the faster counts. Verified first: both
find the same gradient norm within 5 % (bf16). The two take turns. Prints seconds (median, min, max of the turns), the ratio of
medians and pope's share of the speed of a large product.
"""
import argparse, json, pathlib, random, statistics, tempfile

from common import finish, hugging_face_folder, run_json, spread, timed

GROUPS, ROLLOUTS, PROMPT, COMPLETION = 4, 8, 100, 118


def make_sequences():
    draw = random.Random(1)
    token = lambda: draw.randrange(49152)
    sequences = []
    for _ in range(GROUPS):
        prompt = [token() for _ in range(PROMPT)]
        for i in range(ROLLOUTS):
            sequences.append({"prompt": prompt, "completion": [token() for _ in range(COMPLETION)],
                              "advantage": 0.625 if i < 3 else -0.375})
    return sequences


class Peer:
    def __init__(self, folder, sequences, threads):
        import torch, transformers

        torch.set_num_threads(threads)
        self.torch, self.version = torch, transformers.__version__
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6, weight_decay=0.0)
        self.tokens = torch.tensor([s["prompt"] + s["completion"] for s in sequences])
        self.advantages = torch.tensor([s["advantage"] for s in sequences])
        self.behaviour = None
        with torch.no_grad():
            self.behaviour = torch.cat([self.logprobs(part) for part in self.tokens.split(8)])

    def logprobs(self, tokens):
        logits = self.model(tokens[:, :-1], logits_to_keep=COMPLETION, use_cache=False).logits
        return logits.float().log_softmax(-1).gather(-1, tokens[:, -COMPLETION:, None]).squeeze(-1)

    def step(self, rows):
        for tokens, advantages, behaviour in zip(self.tokens.split(rows), self.advantages.split(rows),
                                                 self.behaviour.split(rows)):
            ratio = (self.logprobs(tokens) - behaviour).exp()
            a = advantages[:, None]
            loss = -self.torch.minimum(ratio * a, ratio.clamp(0.8, 1.28) * a).sum() / self.behaviour.numel()
            loss.backward()
        norm = self.torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0).item()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return norm


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the programs pope and bench_train_step")
    parser.add_argument("--model", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--micro-batch-tokens", type=int, default=4096)
    parser.add_argument("--out")
    args = parser.parse_args()
    build = pathlib.Path(args.build)
    sequences = make_sequences()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "sequences.json").write_text(json.dumps(sequences))
        peer = Peer(hugging_face_folder(build / "pope", args.model, folder / "hf"), sequences, args.threads)
        norm = peer.step(8)  # the first step, on the weights as loaded; warm-up too
        peer.step(32)
        ours, theirs = [], {8: [], 32: []}
        for _ in range(args.repeats):
            ours.append(run_json([build / "bench_train_step", args.model, "--dtype", "bf16", "--json", "--repeats", 1,
                                  "--micro-batch-tokens", args.micro_batch_tokens, "--sequences", folder / "sequences.json"]))
            assert abs(norm / ours[-1]["first_grad_norm"] - 1) < 0.05, (norm, ours[-1]["first_grad_norm"])
            for rows, times in theirs.items():
                times.append(timed(lambda: peer.step(rows)))
    best = min(theirs, key=lambda rows: statistics.median(theirs[rows]))
    mine = {stage: spread([run["seconds"][stage]["median"] for run in ours]) for stage in ours[0]["seconds"]}
    ratio = statistics.median(theirs[best]) / mine["total"]["median"]
    finish({"benchmark": "train_step_peers", "dtype": "bf16", "groups": GROUPS, "rollouts": ROLLOUTS, "prompt_tokens": PROMPT,
            "completion_tokens": COMPLETION, "threads": args.threads,
            "versions": {"transformers": peer.version, "torch": peer.torch.__version__},
            "first_grad_norm": {"pope": ours[0]["first_grad_norm"], "transformers": norm},
            "seconds": {"pope": mine, "transformers": spread(theirs[best])}, "sequences_per_micro_batch": best,
            "of_gemm_peak": statistics.median(run["fraction_of_peak"] for run in ours), "ratio": ratio}, args.out)


main()
