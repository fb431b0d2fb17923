#!/usr/bin/env bash
# The demo over five seeds (base model, problems and training all seeded), then one report with intervals over seeds:
# scripts/seeds.sh RUN_FOLDER. The table goes to bench/results/demo_seeds.json. Continues when started again.
set -euo pipefail
POPE="${POPE:-build/pope}"
export POPE
out="${1:-runs/seeds}"
runs=()
for seed in ${SEEDS:-1 2 3 4 5}; do
  SEED=$seed scripts/demo.sh "$out/seed-$seed" >&2
  runs+=("$out/seed-$seed"/{mine,guide,eval-base,grpo,pope,eval-grpo,eval-pope})
done
mkdir -p bench/results
report=(report "${runs[@]}" --baseline GRPO --set "report.title=The embedded demo over seeds ${SEEDS:-1 2 3 4 5}")
"$POPE" "${report[@]}" --out "$out/report.html"
"$POPE" "${report[@]}" --json --out "$out/report.html" >"$out/report.json"
cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
python3 - "$out/report.json" bench/results/demo_seeds.json "$(git describe --always --dirty)" "$cpu" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
json.dump({"command": "make seeds", "config": "configs/demo*.yaml, configs/micro.json", "commit": sys.argv[3], "cpu": sys.argv[4],
           "table": report["table"]}, open(sys.argv[2], "w"), indent=1)
PY
