#!/usr/bin/env bash
# P²O and POPE with a language model on real problems, from mining to the report, at about equal rollouts; the same model, behind
# pope serve, rewrites templates (docs/relatives.md, "A real model"):
#   PROBLEMS=gsm8k_train.jsonl scripts/p2o_llm.sh OUT
# PROBLEMS is a problem file with solutions. One thread; killed and started again, it goes on.
set -euo pipefail
out="$1" pope="${POPE:-build/pope}" port="${PORT:-8125}" candidates="${CANDIDATES:-32}" hard="${HARD:-12}"
if [ ! -r "${PROBLEMS:-}" ]; then
  echo "p2o_llm: PROBLEMS='${PROBLEMS:-}' is no readable file. Give a problem file with solutions (docs/formats.md)" >&2
  exit 2
fi
model="$(scripts/fetch_model.sh "${MODEL:-qwen}")"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
mkdir -p "$out"
tail -n "$candidates" "$PROBLEMS" >"$out/candidates.jsonl"
run() {  # VERB NAME [SETTING…]
  "$pope" "$1" -c configs/p2o_llm.yaml --seed "${SEED:-1}" --out "$out/$2" --set "run.label=$2" "${@:3}"
}
run mine mine --model "$model" --problems "$out/candidates.jsonl" --set mine.heldout=0
head -n "$hard" "$out/mine/hard.jsonl" >"$out/hard.jsonl"
if [ ! -e "$out/p2o/result.json" ]; then
  "$pope" serve "$model" --port "$port" --set run.dtype=bf16 --set run.threads=1 2>>"$out/serve.log" &
  server=$!
  trap 'kill $server' EXIT
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 $server; sleep 1; done
  # Three epochs of 12 problems, 216 rollouts, and two evolutions of at most 120 each: 456.
  run train p2o --model "$model" --problems "$out/hard.jsonl" --set train.steps=6 --set mixture.guided=0 \
    --set train.guidance=evolved --set objective.context_distillation=true \
    --set reflector.kind=http --set "reflector.urls=[http://127.0.0.1:$port]" --set "evolve.reflection_model=$model"
  kill $server
  wait $server || true
  trap - EXIT
fi
# At most 12 x 3 x 4 rollouts of the search for prefixes, and 9 steps of 36: 468.
run guide guide --model "$model" --problems "$out/hard.jsonl"
run train pope --model "$model" --problems "$out/guide/guided.jsonl" --set train.steps=9 --set mixture.guided=1
for arm in base p2o pope; do
  trained="$out/$arm/model"
  [ "$arm" != base ] || trained="$model"
  run eval "eval-$arm" --model "$trained" --set "paths.eval_sets=[hard=$out/hard.jsonl]"
done
"$pope" report "$out"/{mine,guide,p2o,pope,eval-base,eval-p2o,eval-pope} --out "$out/report.html"
