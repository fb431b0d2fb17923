#!/usr/bin/env bash
# Runs the benchmarks on SmolLM2-135M (or MODEL=…) in DTYPE=bf16 (or fp32) and keeps their JSON, with commit and machine,
# in bench/results; the verifier's runs where POPE_DATA names a folder with verifier_cases.jsonl. Each verifies before it times. Leave the machine alone while it runs.
set -euo pipefail
BUILD="${BUILD:-build}"
DTYPE="${DTYPE:-bf16}"
model="${MODEL:-$(scripts/fetch_smollm2.sh)}"
mkdir -p bench/results
commit="$(git describe --always --dirty)"
cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
for program in "$BUILD"/bench_*; do
  name="$(basename "$program" | sed 's/^bench_//')"
  if [ "$name" = verify ]; then
    [ -n "${POPE_DATA:-}" ] || continue
    result="bench/results/verify.json"
    echo "== verify" >&2
    "$program" "$POPE_DATA/verifier_cases.jsonl" --json >"$result.part"
  else
    result="bench/results/$name-$DTYPE.json"
    echo "== $name, $DTYPE" >&2
    "$program" "$model" --dtype "$DTYPE" --json >"$result.part"
  fi
  python3 - "$result" "$commit" "$cpu" <<'PY'
import json, os, sys
target, commit, cpu = sys.argv[1:]
result = {"commit": commit, "cpu": cpu, **json.load(open(target + ".part"))}
result.pop("model", None)  # a path of the machine
json.dump(result, open(target, "w"), indent=1)
os.remove(target + ".part")
print(json.dumps(result, indent=1))
PY
done
