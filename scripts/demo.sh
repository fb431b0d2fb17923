#!/usr/bin/env bash
# The whole workflow on the embedded model: scripts/demo.sh RUN_FOLDER. Started again, it continues where it was.
#   pretrain a micro model on easier problems → mine → guide → train POPE and plain GRPO → eval → report
# SEED=1 seeds everything; POPE=build/pope is the program.
set -euo pipefail
POPE="${POPE:-build/pope}"
SEED="${SEED:-1}"
out="${1:-runs/demo}"
config=(-c configs/demo.yaml --seed "$SEED")
mkdir -p "$out"

pope() {
  printf '\n$ pope %s\n' "$*" >&2
  "$POPE" "$@"
}

# 1. 250 candidates, and an easier corpus for pretraining.
[ -e "$out/candidates.jsonl" ] || pope problems "${config[@]}" --set source.part=hard --set source.count=250 \
  --out "$out/candidates.jsonl"
[ -e "$out/pretrain.jsonl" ] || pope problems "${config[@]}" --set source.part=pretrain --set source.count=96000 \
  --out "$out/pretrain.jsonl"

# 2. A base model that knows the moves, but hits a target within reach in half of the cases only.
[ -e "$out/init/config.json" ] || pope init "${config[@]}" configs/micro.json --out "$out/init"
pope sft "${config[@]}" -c configs/demo_sft.yaml --model "$out/init" --problems "$out/pretrain.jsonl" --out "$out/base" \
  --label "Base model"
base="$out/base/model"

# 3. Which problems are hard for it? 0 of 128 samples correct. Three in ten of those are held out.
pope mine "${config[@]}" --model "$base" --problems "$out/candidates.jsonl" --out "$out/mine"

# 4. The shortest prefix of each oracle solution that makes success possible.
pope guide "${config[@]}" --model "$base" --problems "$out/mine/hard.jsonl" --out "$out/guide"

# 5. Two arms at equal rollouts, one core each: plain GRPO on the hard problems, and POPE (1:1 unguided:guided).
arms=(grpo pope)
pids=()
train() {
  pope train "${config[@]}" -c "configs/demo_$1.yaml" --model "$base" --problems "$out/guide/guided.jsonl" \
    --set "paths.eval_sets=[hard=$out/guide/guided.jsonl, heldout=$out/mine/heldout.jsonl]" --out "$out/$1"
}
for arm in "${arms[@]}"; do
  train "$arm" >"$out/$arm.txt" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

# 6. Final evaluation of all three, on the problems trained on and on held-out ones.
evaluate() {
  pope eval "${config[@]}" --model "$2" --label "$3" --out "$out/eval-$1" \
    --set "paths.eval_sets=[hard=$out/guide/guided.jsonl, heldout=$out/mine/heldout.jsonl]" >"$out/eval-$1.txt"
}
pids=()
evaluate base "$base" "Base model" &
pids+=($!)
evaluate grpo "$out/grpo/model" "GRPO" &
pids+=($!)
for pid in "${pids[@]}"; do wait "$pid"; done
evaluate pope "$out/pope/model" "POPE"

# 7. One page to read, and the table.
pope report "$out/base" "$out/mine" "$out/guide" "$out/grpo" "$out/pope" "$out/eval-base" "$out/eval-grpo" "$out/eval-pope" \
  --baseline GRPO --set "report.title=POPE on the embedded walks family, seed $SEED" --out "$out/report.html"
echo "report: $out/report.html" >&2
