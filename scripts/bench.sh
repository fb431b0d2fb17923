#!/usr/bin/env bash
# Runs the benchmarks on SmolLM2-135M (or MODEL=qwen, or a path) in DTYPE=bf16 (or fp32) and keeps their JSON, with commit and machine,
# in bench/results. POPE_DATA=folder (verifier_cases.jsonl, gsm8k_train.jsonl, tokenizers/qwen3) adds those of the verifier
# and the tokenizer. Each verifies before it times. Leave the machine alone while it runs.
set -euo pipefail
BUILD="${BUILD:-build}"
DTYPE="${DTYPE:-bf16}"
model="$(scripts/fetch_model.sh "${MODEL:-smollm2}")"
mkdir -p bench/results
commit="$(git describe --always --dirty)"
cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"

bench() {  # NAME ARGUMENT…
  local result="bench/results/$1.json"
  echo "== $1" >&2
  "$BUILD/bench_${1%-*}" "${@:2}" --json >"$result.part"
  python3 - "$result" "$commit" "$cpu" <<'PY'
import json, os, sys
target, commit, cpu = sys.argv[1:]
result = {"commit": commit, "cpu": cpu, **json.load(open(target + ".part"))}
result.pop("model", None)  # a path of the machine
json.dump(result, open(target, "w"), indent=1)
os.remove(target + ".part")
print(json.dumps(result, indent=1))
PY
}

bench "sampler-$DTYPE" "$model" --dtype "$DTYPE"
bench "train_step-$DTYPE" "$model" --dtype "$DTYPE"
bench async
if [ -n "${POPE_DATA:-}" ]; then
  bench verify "$POPE_DATA/verifier_cases.jsonl" tests/verify/cases.jsonl
  bench tokenizer "$POPE_DATA/tokenizers/qwen3" "$POPE_DATA/gsm8k_train.jsonl"
else
  echo "verify, tokenizer: skipped without POPE_DATA" >&2
fi
