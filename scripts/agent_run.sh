#!/usr/bin/env bash
# The real run of docs/agent.md, memory on against memory off: scripts/agent_run.sh OUT [SEED [EACH]]. Both arms work on the
# same tasks at the same time, at one server on one thread. Stopped or killed and started again, it goes on.
set -euo pipefail
out="$1" seed="${2:-1}" each="${3:-26}"
pope="${POPE:-build/pope}" port="${PORT:-8123}"
model="$(scripts/fetch_model.sh qwen)"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
mkdir -p "$out"
scripts/agent_tasks.py "$seed" --each "$each" --out "$out/tasks.jsonl" --traces "$out/traces.jsonl"

"$pope" serve "$model" --port "$port" --set run.dtype=bf16 --set run.threads=1 --set sampling.batch_size=32 2>>"$out/serve.log" &
server=$!
trap 'kill $(jobs -p) 2>/dev/null' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 $server; sleep 1; done

settings=(--set run.seed="$seed" --set engine.kind=http --set "engine.urls=[http://127.0.0.1:$port]" --set agent.sandbox=true
  --set agent.tool_format=none --set agent.workers=8 --set agent.max_failures=2 --set agent.tokens=160 --set agent.check_s=30
  --set sampling.max_new_tokens=160 --set sampling.temperature=0.3)
run() {  # ARM [SETTING…]
  "$pope" agent run --store "$out/$1.db" --model "$model" "${settings[@]}" "${@:2}" >>"$out/$1.log" 2>&1
}
if [ ! -e "$out/on.db" ]; then
  "$pope" agent traces import "$out/traces.jsonl" --store "$out/on.db"
fi
for arm in on off; do "$pope" agent add "$out/tasks.jsonl" --store "$out/$arm.db"; done
run on & on=$!
run off --set agent.learn=false & off=$!
wait $on
wait $off
"$pope" agent report --store "$out/on.db" --out "$out/agent.html"
scripts/agent_compare.py "$out/on.db" "$out/off.db" | tee "$out/table.md"
