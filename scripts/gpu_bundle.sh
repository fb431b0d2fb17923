#!/usr/bin/env bash
# Puts what a GPU machine without our packages needs into a folder: programs (stripped), libpope_cuda.so, the
# distribution's libraries they use, configs and scripts, a micro model. libtorch and glibc are the machine's own.
#   scripts/gpu_bundle.sh FOLDER          (BUILD=build is where things were built)
set -euo pipefail
build="${BUILD:-build}"
out="${1:?usage: scripts/gpu_bundle.sh FOLDER}"
programs=(pope pope-torch test_model test_rollout test_learn bench_sampler bench_train_step)

rm -rf "$out"
mkdir -p "$out/build" "$out/lib"
for program in "${programs[@]}"; do strip -o "$out/build/$program" "$build/$program"; done
strip -o "$out/build/libpope_cuda.so" "$build/libpope_cuda.so"
ldd "${programs[@]/#/$build/}" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -Ev '/(libtorch|libc10|libcu|libc\.|libm\.|libdl\.|librt\.|libpthread\.|libstdc\+\+|libgcc_s)' |
  xargs -I{} cp -L {} "$out/lib/"
cp -r configs scripts "$out/"
"$build/pope" init configs/micro.json --out "$out/micro" >&2
du -sh "$out" >&2
