#!/usr/bin/env bash
# Runs the benchmarks on SmolLM2-135M (or MODEL=…) in DTYPE=bf16 (or fp32) and keeps their JSON, with commit and machine,
# in bench/results. Each verifies before it times. Leave the machine alone while it runs.
set -euo pipefail
BUILD="${BUILD:-build}"
DTYPE="${DTYPE:-bf16}"
model="${MODEL:-$(scripts/fetch_smollm2.sh)}"
mkdir -p bench/results
commit="$(git describe --always --dirty)"
cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
for program in "$BUILD"/bench_*; do
  name="$(basename "$program" | sed 's/^bench_//')"
  echo "== $name, $DTYPE" >&2
  "$program" "$model" --dtype "$DTYPE" --json >"bench/results/$name-$DTYPE.json.part"
  python3 - "bench/results/$name-$DTYPE.json" "$commit" "$cpu" <<'PY'
import json, os, sys
target, commit, cpu = sys.argv[1:]
result = {"commit": commit, "cpu": cpu, **json.load(open(target + ".part"))}
result.pop("model", None)  # a path of the machine
json.dump(result, open(target, "w"), indent=1)
os.remove(target + ".part")
print(json.dumps(result, indent=1))
PY
done
