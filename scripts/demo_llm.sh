#!/usr/bin/env bash
# The workflow on a published language model and real problems: PROBLEMS=gsm8k_train.jsonl scripts/demo_llm.sh RUN_FOLDER.
# PROBLEMS is a problem file with solutions (docs/formats.md), GSM8K as its authors publish it among them. MODEL=smollm2 |
# qwen | a path (scripts/fetch_model.sh; qwen takes 15 GB of memory and four times as long). With smollm2 at most 90 minutes
# on 2 cores; started again, it continues.
set -euo pipefail
POPE="${POPE:-build/pope}"
SEED="${SEED:-1}"
SFT_ROWS="${SFT_ROWS:-1000}"          # first rows of the file: for the short SFT only
CANDIDATES="${CANDIDATES:-96}"        # last rows of the file: mined; never in the SFT
HARD="${HARD:-24}"                    # of the hard ones as many are trained on at most
out="${1:-runs/demo-llm}"
if [ ! -r "${PROBLEMS:-}" ]; then
  echo "demo-llm: PROBLEMS='${PROBLEMS:-}' is no readable file. Give a problem file with solutions, e.g." >&2
  echo "  make demo-llm PROBLEMS=gsm8k_train.jsonl    (GSM8K's train.jsonl as its authors publish it, or docs/formats.md)" >&2
  exit 2
fi
rows=$(wc -l <"$PROBLEMS")
if [ "$rows" -lt $((SFT_ROWS + CANDIDATES)) ]; then
  echo "demo-llm: $PROBLEMS has $rows rows, $((SFT_ROWS + CANDIDATES)) are needed; set SFT_ROWS= and CANDIDATES= lower" >&2
  exit 2
fi
model="$(scripts/fetch_model.sh "${MODEL:-smollm2}")"
name="$(basename "$model" .gguf)"
config=(-c configs/demo_llm.yaml --seed "$SEED")
mkdir -p "$out"
head -n "$SFT_ROWS" "$PROBLEMS" >"$out/sft.jsonl"
tail -n "$CANDIDATES" "$PROBLEMS" >"$out/candidates.jsonl"

pope() {
  printf '\n$ pope %s\n' "$*" >&2
  "$POPE" "$@"
}

pope sft "${config[@]}" -c configs/demo_llm_sft.yaml --model "$model" --problems "$out/sft.jsonl" --out "$out/base" \
  --label "Base model ($name + short SFT)"
base="$out/base/model"
pope mine "${config[@]}" --model "$base" --problems "$out/candidates.jsonl" --out "$out/mine"
head -n "$HARD" "$out/mine/hard.jsonl" >"$out/hard.jsonl"
pope guide "${config[@]}" --model "$base" --problems "$out/hard.jsonl" --out "$out/guide"

# Two arms at equal rollouts: of the small model side by side with half the cores each, of others one after the other, since
# training takes 21 bytes a parameter.
threads=$(nproc)
[ "${MODEL:-smollm2}" != smollm2 ] || threads=$(( ($(nproc) + 1) / 2 ))
arms=(grpo pope)
pids=()
train() {
  pope train "${config[@]}" -c "configs/demo_llm_$1.yaml" --set "run.threads=$threads" --model "$base" \
    --problems "$out/guide/guided.jsonl" --out "$out/$1"
}
for arm in "${arms[@]}"; do
  train "$arm" >"$out/$arm.txt" &
  pids+=($!)
  [ "${MODEL:-smollm2}" = smollm2 ] || wait "${pids[-1]}"
done
for pid in "${pids[@]}"; do wait "$pid"; done

evaluate() {
  pope eval "${config[@]}" --model "$2" --label "$3" --out "$out/eval-$1" \
    --set "paths.eval_sets=[hard=$out/guide/guided.jsonl, heldout=$out/mine/heldout.jsonl]"
}
evaluate base "$base" "Base model ($name + short SFT)"
evaluate grpo "$out/grpo/model" GRPO
evaluate pope "$out/pope/model" POPE

pope report "$out"/{base,mine,guide,grpo,pope,eval-base,eval-grpo,eval-pope} --baseline GRPO --out "$out/report.html" \
  --set "report.title=POPE on $name and $(basename "$PROBLEMS" .jsonl)" \
  --set "report.notes=The base model is $name after a short SFT on $SFT_ROWS other problems of the same file; mining, training and evaluation use problems that the SFT never saw; at most $HARD hard ones are trained on. Hard means 0 correct of 32 samples."
echo "report: $out/report.html" >&2
